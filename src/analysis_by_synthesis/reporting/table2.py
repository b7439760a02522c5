"""Table 2 for people, as Markdown."""

import pandas as pd

from analysis_by_synthesis.params.report import MODEL_LABELS


def table_as_markdown(table: pd.DataFrame, convergence: pd.Series) -> str:
    """The accuracies, then the median distances of all attacks, ours beside the paper's.

    Args:
        convergence: as evaluation.convergence.summarise has it.
    """
    lines = ["| | accuracy | 95 % interval | paper |", "|---|---|---|---|"]
    for model, row in table.groupby("model", sort=False).first().iterrows():
        interval = f"{row['accuracy_low']:.1%} to {row['accuracy_high']:.1%}, n={row['images']}"
        lines.append(
            f"| {MODEL_LABELS[str(model)]} | {row['accuracy']:.1%} | {interval} | {row['paper_accuracy']:.1%} |"
        )
    lines += ["", "| | median L2 | 95 % interval | paper |", "|---|---|---|---|"]
    for _, row in table.iterrows():
        interval = f"{row['median_low']:.3g} to {row['median_high']:.3g}, n={row['n']}"
        paper = "" if pd.isna(row["paper_median"]) else f"{row['paper_median']:.1f}"
        lines.append(f"| {MODEL_LABELS[row['model']]}: {row['attack']} | {row['median']:.3g} | {interval} | {paper} |")
    lines += [
        "",
        "The paper names BIM for the CNN and Latent Descent for ABS; all other rows are ours.",
        f"Search of ABS: on {convergence['images']:.0f} test images a longer search falls by more than"
        f" {convergence['tolerance']:g} below the arbiter's D for {convergence['lower']:.1%} of images and classes (mean fall"
        f" of these {convergence['mean_fall']:.2g}), and changes the class of {convergence['changed']:.1%} of the images.",
    ]
    return "\n".join(lines) + "\n"
