"""`analysis-by-synthesis COMMAND`: the commands, each with its help.

What a command needs is imported when it runs, so that help comes at once.
"""

import signal
from pathlib import Path

import click

from analysis_by_synthesis.distances import METRICS, Metric
from analysis_by_synthesis.pipeline.errors import UserError
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.stage import KEPT, check_environment, check_own_code, ends_in_a_sentence, root_of

FOLDER = click.Path(path_type=Path)


def main() -> None:
    """What the program runs."""
    commands(prog_name="analysis-by-synthesis")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def commands() -> None:
    """Analysis by Synthesis (Schott et al., ICLR 2019), reproduced.

    The pipeline itself is run by `dvc repro`. These commands do the rest; run them in the root of the project, where
    params.yaml is.
    """


@commands.command()
def check() -> None:
    """Check the whole of params.yaml.

    All keys and values are read as the stages would read them, and blocks have to fit together.
    """
    from analysis_by_synthesis.params.check import check

    with ends_in_a_sentence("nothing was changed"):
        project = Project.here()
        check(project.params)
        click.echo(f"{project.params} is right.")


@commands.command()
def code() -> None:
    """Write code.json, the code's fingerprints.

    params.yaml is checked first, as a whole. This is the first stage of the pipeline: `dvc repro` runs it.
    """
    from analysis_by_synthesis.params.check import check
    from analysis_by_synthesis.pipeline.code import fingerprints, nested
    from analysis_by_synthesis.pipeline.files import write_json

    with ends_in_a_sentence("code.json is as it was"):
        project = Project.here()
        check_environment(project.root)
        check(project.params)
        write_json(project.code, nested(fingerprints(project)))


@commands.command()
def repro() -> None:
    """Run the pipeline, and print the results in short.

    This is `dvc repro`, with one line for all stages that needn't run.
    """
    from analysis_by_synthesis.cli.repro import repro
    from analysis_by_synthesis.reporting.terminal import summary

    with ends_in_a_sentence(KEPT):
        project = Project.here()
        repro()
        summary(project)


@commands.command()
def summary() -> None:
    """Print the results in short, beside the paper's.

    In the folder two_class_cifar these are those of Table 2.
    """
    from analysis_by_synthesis.reporting.terminal import summary

    with ends_in_a_sentence("nothing was changed"):
        summary(Project.here())


@commands.command()
@click.option(
    "--jobs", type=click.IntRange(min=1), help="Workers on this machine; one for each GPU or else core if not given."
)
@click.option("--ray", "address", metavar="ADDRESS", help="Work on a Ray cluster: `auto`, or the address of its head.")
def work(jobs: int | None, address: str | None) -> None:
    """Make all that is stale, side by side.

    What `dvc repro` does one after the other, many workers do at the same time, and leave the same bytes. docs/cluster.md says more.
    """
    from analysis_by_synthesis.workers.cluster import RayPool
    from analysis_by_synthesis.workers.engine import run
    from analysis_by_synthesis.workers.local import LocalPool

    if jobs and address:
        raise click.UsageError("--jobs is for this machine, and --ray for a cluster; give one of them.")
    with ends_in_a_sentence(KEPT):
        for ending in (signal.SIGINT, signal.SIGTERM):  # in the background too, where a shell has SIGINT ignored
            signal.signal(ending, signal.default_int_handler)
        project = Project.here()
        check_environment(root_of(project.params.resolve()))
        run(project, RayPool(project, address) if address else LocalPool(project, jobs))


@commands.command()
@click.argument("weights", type=FOLDER)
@click.argument("output", type=FOLDER)
@click.argument("cells", nargs=-1, required=True, metavar="CELL...")
@click.option(
    "--samples", type=click.IntRange(min=1), help="Images of each cell; as many as params.yaml says if not given."
)
def evaluate(weights: Path, output: Path, cells: tuple[str, ...], samples: int | None) -> None:
    """Evaluate other weights, as these were.

    WEIGHTS is a folder that is laid out as models/ is: abs/0.safetensors to abs/9.safetensors, cnn/weights.safetensors and
    so on. A model without a config.json gets that of this project. A CELL is a model and an attack of params.yaml, for
    instance abs-fgsm; abs-clean is the accuracy on clean images. Everything is written to the folder OUTPUT.
    """
    from analysis_by_synthesis.cli.evaluate import evaluate

    with ends_in_a_sentence(KEPT):
        table = evaluate(Project.here(), weights, output, list(cells), samples)
        click.echo(table.to_string(index=False, float_format="{:.4g}".format, na_rep="-"))
        if table["committed"].isna().any():
            click.echo("-: the committed records are of other images, or there are none.")


@commands.command()
@click.argument("model", type=click.Choice(["abs", "binary_abs"]))
@click.argument("norm", type=click.Choice(METRICS))
@click.argument("images", nargs=-1, required=True, type=int, metavar="IMAGE...")
@click.option("--effort", help="A search under bounds.search in params.yaml; bounds.effort if not given.")
def bounds(model: str, norm: Metric, images: tuple[int, ...], effort: str | None) -> None:
    """Bound a model's robustness at test images.

    NORM is the norm of the perturbations, and an IMAGE is an index of MNIST's test split, 0 to 9999. There is a row for each: no perturbation smaller than `lower` changes
    the class, as far as the search for latents finds the best ones.
    """
    from analysis_by_synthesis.cli.bounds import bounds

    with ends_in_a_sentence("nothing was written"):
        click.echo(bounds(Project.here(), model, norm, list(images), effort).to_string(index=False))


@commands.command()
@click.option("--all", "everything", is_flag=True, help="Check all of what is only sampled otherwise.")
@click.option(
    "--reruns",
    type=click.IntRange(min=0),
    default=0,
    help="Attack so many cells again, one chunk of each; minutes each.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, help="Of all samples.")
def audit(everything: bool, reruns: int, seed: int) -> None:
    """Check the results that are committed here.

    The committed files are enough for that; docs/audit.md says what is checked, and what is not.

    There is a verdict in one line for each check, and the exit code is 1 if any check fails. `make audit` downloads MNIST
    first.
    """
    from analysis_by_synthesis.audit.checks import verdicts

    with ends_in_a_sentence("nothing was changed"):
        project = Project.here()
        check_own_code(project.root)
        found = []
        for verdict in verdicts(project, everything, reruns, seed):
            click.echo(verdict)
            found.append(verdict)
        if failed := [verdict.checked for verdict in found if verdict.faults]:
            raise UserError("\n  ".join([f"{len(failed)} of {len(found)} checks have failed:", *failed]))
        skipped = sum(verdict.skipped for verdict in found)
        click.echo(f"All {len(found) - skipped} checks passed" + (f"; {skipped} were skipped." if skipped else "."))


@commands.command()
@click.argument("released", type=FOLDER)
@click.argument("weights", type=FOLDER)
def convert(released: Path, weights: Path) -> None:
    """Convert the networks that the authors released.

    The folder RELEASED holds their thirteen files under their names, ABS_0.net to ABS_9.net, vanilla_cnn.net, binary_cnn.net and
    transfer_cnn.net. The folder WEIGHTS gets abs, cnn, binary_cnn and substitute, and `evaluate` takes it.
    """
    from analysis_by_synthesis.networks.convert import convert_all

    with ends_in_a_sentence("nothing is converted"):
        convert_all(released, weights)


@commands.command()
def parameters() -> None:
    """Print the table of all settings.

    It is docs/parameters.md, made from the settings' descriptions.
    """
    from analysis_by_synthesis.params.table import tables

    click.echo(tables(), nl=False)
