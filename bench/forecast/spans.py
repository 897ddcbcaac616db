"""How long something is likely to take, and how long at most, where nobody knows exactly."""

from dataclasses import dataclass

MUCH_MORE = 1.15  # times what is likely, below which the most is not worth saying


@dataclass(frozen=True, kw_only=True)
class Span:
    """Seconds, or numbers such as epochs: what is likely, and the most."""

    likely: float
    most: float

    @classmethod
    def of(cls, value: float) -> "Span":
        """One number that is both."""
        return cls(likely=value, most=value)

    def __add__(self, other: "Span") -> "Span":
        return Span(likely=self.likely + other.likely, most=self.most + other.most)

    def __mul__(self, factor: float) -> "Span":
        return Span(likely=self.likely * factor, most=self.most * factor)

    @property
    def minutes(self) -> str:
        """In minutes: `7`, `0.4`, or `5 to 9` where it may take much longer than is likely."""
        likely, most = _minutes(self.likely), _minutes(self.most)
        is_wide = self.most > MUCH_MORE * self.likely and likely != most
        return f"{likely} to {most}" if is_wide else likely


def total(spans: list[Span]) -> Span:
    """The sum; zero for none."""
    return sum(spans, start=Span.of(0.0))


def _minutes(seconds: float) -> str:
    minutes = seconds / 60
    return f"{minutes:,.0f}" if minutes >= 9.5 else f"{minutes:.1f}"
