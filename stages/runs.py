"""What every result was made by, and what it cost: a table of all run cards."""

from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.project import Project
from analysis_by_synthesis.pipeline.runs import table_of_runs
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv


def main(project: Project) -> None:
    table = table_of_runs(project.results, read_json(project.code))
    write_csv(project.metrics / "runs.csv", table)
    print(f"{(table['made_by'] == 'present code').sum()} of {len(table)} results were made by the present code")


if __name__ == "__main__":
    run(main)
