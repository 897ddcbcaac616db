from materials.sources.topics import read_topics

HEADER = "Category\tText\nd\tstring\nclass\t\n"


def test_rows_follow_three_header_lines_and_empty_ones_are_left_out(tmp_path):
    (tmp_path / "news-train.tab").write_text(HEADER + "\t\ncocoa\tshowers continued\nearn\ta stock\u2028split\n")
    (tmp_path / "news-test.tab").write_text(HEADER + "earn\tnet profit\n")
    source = read_topics(tmp_path, name="news")
    assert (source.train.items, source.train.labels) == (["showers continued", "a stock\u2028split"], ["cocoa", "earn"])
    assert (source.test.items, source.test.labels) == (["net profit"], ["earn"])
    assert source.validation is None
