"""What a check has found."""

from dataclasses import dataclass, field


@dataclass
class Verdict:
    """Attributes: checked: how much was looked at, in words; faults: one sentence for each thing that is wrong."""

    checked: str
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        if not self.faults:
            return f"passed   {self.checked}"
        return f"FAILED   {self.checked}: {len(self.faults)} faults\n" + "\n".join(f"         {f}" for f in self.faults)
