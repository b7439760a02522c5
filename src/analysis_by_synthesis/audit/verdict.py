"""What a check has found."""

from dataclasses import dataclass, field


@dataclass
class Verdict:
    """What was looked at, and what was found.

    Attributes:
        checked: how much was looked at, in words.
        faults: one sentence for each thing that is wrong.
        notes: what a reader should know although it is no fault.
    """

    checked: str
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        head = f"FAILED   {self.checked}: {len(self.faults)} faults" if self.faults else f"passed   {self.checked}"
        return "\n".join([head, *(f"         {line}" for line in self.faults + self.notes)])
