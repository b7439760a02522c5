"""What every result was made by, and what it cost: a table of all run cards."""

from analysis_by_synthesis.pipeline.code import CODE_FILE
from analysis_by_synthesis.pipeline.files import read_json
from analysis_by_synthesis.pipeline.paths import METRICS, RESULTS
from analysis_by_synthesis.pipeline.stage import run
from analysis_by_synthesis.pipeline.tables import write_csv
from analysis_by_synthesis.pipeline.runs import table_of_runs


def main() -> None:
    table = table_of_runs(RESULTS, read_json(CODE_FILE))
    write_csv(METRICS / "runs.csv", table)
    print(f"{(table['made_by'] == 'present code').sum()} of {len(table)} results were made by the present code")


if __name__ == "__main__":
    run(main)
