"""What paid answers cost: a model's price of a token.

Knows tokens and dollars as plain numbers; not where they are written down (``infra.prices`` reads ``prices.yaml``), nor
what is asked. Thinking is priced as output, as every provider bills it.

Example::

    price = TokenPrice(input_usd=0.30, output_usd=2.50)       # per million tokens
    price.dollars(Usage(prompt_tokens=200, thinking_tokens=7000, answer_tokens=800))        # 0.01956
"""

from dataclasses import dataclass, replace

from s1.records import Usage

_MILLION = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPrice:
    """One model's price in US dollars per million tokens."""

    input_usd: float
    output_usd: float
    """Thinking included."""
    cached_usd: float | None = None
    """Prompt tokens that the server had cached; as ``input_usd`` where None."""
    batch_input_usd: float | None = None
    """Both as above for requests sent as a batch; None: no discount is known, so the full price is expected."""
    batch_output_usd: float | None = None

    def dollars(self, usage: Usage, *, cached_tokens: int = 0) -> float:
        """What one response cost.

        Args:
            cached_tokens: those of the prompt tokens that the server says were cached.
        """
        cached = self.input_usd if self.cached_usd is None else self.cached_usd
        return (
            (usage.prompt_tokens - cached_tokens) * self.input_usd
            + cached_tokens * cached
            + (usage.thinking_tokens + usage.answer_tokens) * self.output_usd
        ) / _MILLION

    @property
    def in_batches(self) -> "TokenPrice":
        """The price of the same tokens in a batch."""
        return replace(
            self,
            input_usd=self.input_usd if self.batch_input_usd is None else self.batch_input_usd,
            output_usd=self.output_usd if self.batch_output_usd is None else self.batch_output_usd,
            cached_usd=None if self.batch_input_usd is not None else self.cached_usd,
        )
