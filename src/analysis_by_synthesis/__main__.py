"""`python -m analysis_by_synthesis COMMAND`: the same as `analysis-by-synthesis COMMAND`."""

from analysis_by_synthesis.cli.main import main

if __name__ == "__main__":
    main()
