from materials.rows import Source, Table


def test_source_gives_its_official_rows_for_a_part_and_all_where_it_has_none():
    train, test = (Table(items=[text], labels=["x"]) for text in ("one", "two"))
    source = Source(train=train, test=test)
    assert source.rows_for("test") is test
    assert source.rows_for("validation") is train
