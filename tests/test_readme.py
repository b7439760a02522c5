"""What the README and the pages in docs say: snippets run, links lead somewhere, numbers are those of the metrics."""

import importlib
import json
import re
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
import yaml
from project import ROOT, stages

from analysis_by_synthesis.pipeline.runs import OLDER, made_by, read_cards

SNIPPETS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")] + sorted((ROOT / "docs").glob("*.md"))


def metrics(name):
    return json.loads((ROOT / "metrics" / name).read_text())


@pytest.fixture(scope="module")
def names():
    """What the snippets of the README have defined, but for the last one, which needs torchattacks."""
    names = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        for snippet in SNIPPETS[:-1]:
            exec(snippet, names)
    return names


def test_snippets_run(names):
    assert names["logits"].shape == (4, 10)
    assert names["success"].any() and names["fooled"].any()


@pytest.mark.extras
def test_the_snippet_of_torchattacks_runs(names):
    exec(SNIPPETS[-1], names)
    assert names["adversarials"].shape == names["images"].shape


def test_the_picture_of_the_stages_is_that_of_dvc():
    """In docs/how-it-runs.md every stage stands below those that it needs."""
    picture = re.search("```\n(code, download\n.*?)```", (ROOT / "docs/how-it-runs.md").read_text(), re.DOTALL)[1]
    lines = [re.split("  ", line)[0].replace("@", "").split(", ") for line in picture.splitlines()]
    line_of = {name: number for number, names in enumerate(lines) for name in names}
    needed = [(name.partition("@")[0], each) for name, each in stages().items()]
    makers = {out: name for name, each in needed for out in each["outs"]}
    assert set(line_of) == {name for name, _ in needed}
    for name, each in needed:
        for dep in each["deps"]:
            for out, maker in makers.items():
                if (Path(out).is_relative_to(dep) or Path(dep).is_relative_to(out)) and maker != name:
                    assert line_of[maker] < line_of[name], f"{name} needs {maker}"


def test_the_commands_that_are_timed_are_explained(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    timed = importlib.import_module("commands")
    pages = "".join(page.read_text() for page in PAGES)
    for command in timed.COMMANDS:
        assert " ".join(command.split()[:2]) in pages, command
    assert timed.head()[0] == "# Time and disk"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_files_exist(page):
    text = page.read_text()
    for target in re.findall(r"\]\((?!http)([^)#]+)", text):
        assert (page.parent / target).exists(), target
    for name in re.findall(r"`((?:src|stages|tests|benchmarks|metrics|plots|docs|results)/[\w./]+\w)`", text):
        assert (ROOT / name).exists() or "mine" in (ROOT / name).stem.split("_"), name  # what the reader is to write


def test_headline_is_that_of_the_metrics():
    bounds, accuracy = metrics("bounds.json"), metrics("clean_accuracy.json")
    text = " ".join((ROOT / "README.md").read_text().split())
    l2, linf, l0 = (bounds["abs"][norm] for norm in ("l2", "linf", "l0"))
    apart = [f"{100 * (norm['median_ratio'] - 1):.1f} %" for norm in (l2, linf)]
    assert l2["n"] == linf["n"] == l0["n"] and l0["median_ratio"] == 1
    assert (
        f"On {l2['n']} random test images, lower bounds and verified adversarials of ABS are {apart[0]} apart in L2"
        in text
    )
    assert f"{apart[1]} in Linf, and equal in L0" in text
    assert f"changed by {l2['median_lower']:.2f} in L2 without effect, and falls at {l2['median_upper']:.2f}" in text
    assert f"In L0 the median is {l0['median_upper']:.0f} pixels" in text
    ratios = ", ".join(f"{bounds['binary_abs'][norm]['median_ratio']:.2f}" for norm in ("l2", "linf", "l0"))
    assert f"For Binary ABS the ratios are {ratios}" in text
    checks = [bounds[model][norm]["check"] for model in ("abs", "binary_abs") for norm in ("l2", "linf", "l0")]
    disproved, n = (
        [sum(check[key] for check in part) for part in (checks[:3], checks[3:])] for key in ("disproved", "n")
    )
    checked = yaml.safe_load((ROOT / "params.yaml").read_text())["bounds_check"]["images"]
    assert f"Bounds are of {l2['n']} random images, their check of {checked}." in text
    assert f"disproves {disproved[0]} of {n[0]} bounds of ABS and {disproved[1]} of {n[1]} of Binary ABS" in text
    assert f"ABS is right on {100 * accuracy['abs']:.1f} % of the 10,000 test images" in text


def test_the_check_of_the_bounds_in_words_is_that_of_the_metrics():
    page, numbers = (ROOT / "docs/bounds.md").read_text(), metrics("bounds.json")
    for (model, label), (norm, name) in product(
        {"abs": "ABS", "binary_abs": "Binary ABS"}.items(), {"l2": "L2", "linf": "Linf", "l0": "L0"}.items()
    ):
        check = numbers[model][norm]["check"]
        fall, limit = (f"{100 * check[key]:.2g} %" for key in ("largest_fall", "disproved_upper_limit"))
        assert f"| {label} | {name} | {check['n']} | {check['disproved']} | {fall} | {limit} |" in page
    l1 = pd.read_csv(ROOT / "metrics/l1.csv").set_index("model")[["disproved", "checked"]]
    in_l1 = "disproves {:.0f} of {:.0f} bounds of ABS and {:.0f} of {:.0f} of Binary ABS (`metrics/l1.csv`)"
    assert in_l1.format(*l1.loc["abs"], *l1.loc["binary_abs"]) in " ".join(page.split())
    curve = pd.read_csv(ROOT / "metrics/bounds_benchmark.csv").set_index(["norm", "effort"])
    assert (curve["n"] == 12).all()
    for norm in ("l2", "linf"):
        assert (12 * curve.loc[norm, "disproved"]).round().tolist() == [1, 0, 0, 0]
    rises = [
        curve.loc[(norm, "exhaustive"), "mean_lower"] / curve.loc[(norm, "standard"), "mean_lower"] - 1
        for norm in ("l2", "linf")
    ]
    words = f"rises by {100 * rises[0]:.2f} % in L2 and by {100 * rises[1]:.1f} % in Linf"
    assert words in " ".join(page.split())


def test_the_paper_s_bounds_in_words_are_those_of_the_metrics():
    words, values = " ".join((ROOT / "docs/bounds.md").read_text().split()), []
    for folder in ("metrics", "released/metrics"):
        table = pd.read_csv(ROOT / folder / "paper_bounds.csv")
        without = table["variant"].str.contains("without the latent prior")
        assert table[without]["meets"].all() and not table[~without]["meets"].any() and without.sum() == 3
        assert set(table["images"]) == {200} and set(table["seeds"]) == {10}
        values.append(table[without].set_index(["model", "norm"])["value"])
    ours, theirs = values
    assert f"a mean of {ours['abs', 'l2']:.3f} for ABS" in words
    assert f"{ours['binary_abs', 'l2']:.3f} for Binary ABS" in words
    assert f"a median of {ours['abs', 'linf']:.4f} for ABS in Linf" in words
    means = f"{theirs['abs', 'l2']:.3f}, {theirs['binary_abs', 'l2']:.3f} and {theirs['abs', 'linf']:.4f}"
    assert f"authors' networks: {means}" in words


def test_table_2_in_words_is_that_of_the_metrics():
    table = pd.read_csv(ROOT / "two_class_cifar/metrics/table2.csv").set_index(["model", "attack"])
    abs_, cnn = table.loc["abs"], table.loc["cnn"]
    accuracy, lower = abs_["accuracy"].iloc[0], abs_.loc["Lower bound", "median"]
    descent = abs_.loc["Latent Descent Attack"]
    missed = pd.read_csv(ROOT / "two_class_cifar/results/attacks/abs-latent_descent.csv")["l2"].eq(float("inf")).sum()
    words = " ".join((ROOT / "two_class_cifar/README.md").read_text().split())
    for sentence in (
        f"ABS is right on {100 * accuracy:.1f} % of the 2,000",
        f"Latent Descent stands at a median of {descent['median']:.3g}, where the paper has {descent['paper_median']:g}",
        f"for {missed} of {descent['n']:.0f} images",
        f"DDN and L2 BIM with exact gradients stand at {abs_.loc['DDN', 'median']:.3g}, and the lower bound at {lower:.3g}",
        f"The CNN falls at {cnn.loc['L2 BIM', 'median']:.3g} by BIM, where the paper has {cnn.loc['L2 BIM', 'paper_median']:g}",
        f"is right on {100 * cnn['accuracy'].iloc[0]:.1f} %, where the paper has {100 * cnn['paper_accuracy'].iloc[0]:.1f} %",
    ):
        assert sentence in words
    search = pd.read_csv(ROOT / "two_class_cifar/metrics/convergence.csv").iloc[0]
    assert f"On {search['images']:g} images a search" in words
    assert f"by more than {search['tolerance']:g} ({100 * search['lower']:.1f} %)" in words
    assert f"{abs_.loc['L2 BIM', 'median']:.3g}" == f"{abs_.loc['DDN', 'median']:.3g}"
    assert abs_["accuracy_low"].iloc[0] < abs_["paper_accuracy"].iloc[0] < abs_["accuracy_high"].iloc[0]
    readme = " ".join((ROOT / "README.md").read_text().split())
    upper = abs_.loc["All attacks", "median"]
    assert f"ABS is right on {100 * accuracy:.1f} % there" in readme
    assert f"falls between {lower:.2f} and {upper:.2f} in L2" in readme


def test_exact_numbers_of_nearest_neighbor_are_those_of_the_metrics():
    exact = metrics("nearest_neighbor.json")
    printed = pd.read_csv(ROOT / "paper/table1.csv").set_index(["norm", "attack", "model"])
    paper = printed.loc[("l2", "All L2 Attacks", "nearest_neighbor")]
    for words in (
        f"On {exact['n']} random images",
        f"is {exact['median']:.2f} (95 % interval {exact['median_low']:.2f} to {exact['median_high']:.2f})",
        f"{exact['accuracy']:.0%}".replace("%", " %") + " of them withstand L2 1.5",
        f"a median of {paper['median_distance']:g} and {paper['accuracy_at_threshold']:.0%}".replace("%", " %"),
    ):
        assert words in " ".join((ROOT / "docs/bounds.md").read_text().split())


def test_the_ablation_in_words_is_that_of_the_metrics():
    table = pd.read_csv(ROOT / "metrics/ablation.csv")
    changed = {key: f"{100 * row['changed']:.1f} %" for key, row in table.set_index(["varied", "value"]).iterrows()}
    words = " ".join((ROOT / "docs/inference.md").read_text().split())
    assert set(table["images"]) == {200} and "on 200 random clean images" in words
    assert changed["candidates", 1000] == "0.0 %" and "with 1,000 candidates instead of 8,000 no image" in words
    assert f"with ten {changed['candidates', 10]} do" in words
    assert f"by the best candidate alone, {changed['steps', 0]} do" in words
    eighth, quarter, one, two = (changed["sigma2", value] for value in (0.125, 0.25, 1, 2))
    assert eighth == quarter and f"it is {quarter} for 1/8 and 1/4, {one} for 1, and {two} for 2" in words
    assert f"changes {changed['p(y)', 1]}" in words


def test_published_numbers_are_those_of_the_list():
    page = (ROOT / "docs/where-this-stands.md").read_text()
    for row in pd.read_csv(ROOT / "paper/autoattack_mnist.csv").itertuples():
        shares = " | ".join(f"{share:.2%}".replace("%", " %") for share in (row.clean, row.reported, row.autoattack))
        assert f"| [{row.defence}]({row.source}) | {shares} |" in page


def test_the_verdicts_are_counted():
    readme = (ROOT / "README.md").read_text()
    claims, table = (pd.read_csv(ROOT / "metrics" / f"{name}.csv") for name in ("claims", "table1"))
    counts = claims[claims["evidence"] != "ours too"]["verdict"].value_counts()
    held = f"{counts['holds']} hold, {counts['does not hold']} do not, and {counts['open']} are open"
    assert (
        f"Of {counts.sum()} sentences of the paper, judged by its own attacks, by the closest adversarials of all, or by the models alone, {held}."
        in readme
    )
    ours = claims[claims["evidence"] == "ours too"].set_index("claim")["verdict"]
    assert "With our attacks too, the\nsentence on L0 holds, and that on Madry et al. is open." in readme
    assert ours["there is no single attack that works best on all models (L0)"] == "holds"
    assert ours["Madry et al. is still highly susceptible to L2 perturbations"] == "open"
    assert "Everything in `results/` was made by the code that is here" in readme
    assert set(pd.read_csv(ROOT / "metrics/runs.csv")["made_by"]) == {"present code"}
    agree = [(table[f"{name}_verdict"] == "agrees").sum() for name in ("median", "accuracy")]
    judged = [table[f"{name}_verdict"].notna().sum() for name in ("median", "accuracy")]
    assert f"{agree[0]} of {judged[0]} medians and {agree[1]} of {judged[1]} accuracies" in readme


def test_the_union_is_that_of_the_records():
    table = pd.read_csv(ROOT / "metrics/union_accuracy.csv")
    text = " ".join((ROOT / "README.md").read_text().split())
    known = table[table["by"].isin(["lower bounds", "whatever attacks, where there are bounds"])]
    for model, words in {"binary_abs": "the accuracy of Binary ABS lies", "abs": "that of ABS"}.items():
        low, high = sorted(known[known["model"] == model]["accuracy"])
        assert f"{words} between {low:.0%} and {high:.0%}".replace("%", " %") in text
    assert f"(lower bounds and attacks, n = {', '.join(map(str, known['n'].unique()))})" in text


def test_the_control_is_counted():
    table = pd.read_csv(ROOT / "metrics/control.csv")
    table = table[table["authors_median_verdict"].notna()]
    together, text = table[table["attack"].str.startswith("All ")], " ".join((ROOT / "README.md").read_text().split())
    agree = (table["authors_median_verdict"] == "agrees").sum()
    higher = together[together["authors_median_verdict"] == "ours higher"]
    assert (
        f"on the networks that the authors released, {agree} of {len(table)} medians lie where the paper's do" in text
    )
    assert f"of {len(together)} medians over all attacks of a norm all but two are not above the paper's" in text
    assert {*zip(higher["model"], higher["norm"])} == {("abs", "l0"), ("binary_abs", "l0")}
    assert set(higher["authors_n"]) == {20} and "ABS and Binary ABS in L0 (20 images)" in text
    ratio = metrics("../released/metrics/bounds.json")["abs"]["l2"]["median_ratio"]
    assert f"the lower bounds and adversarials of ABS are {100 * (ratio - 1):.1f} % apart in L2" in text


def test_what_is_of_older_code_in_the_other_pipelines_is_said():
    older = {}
    for folder in ("released", "two_class_cifar"):
        code = json.loads((ROOT / folder / "code.json").read_text())
        cards = read_cards(ROOT / folder / "results")
        older[folder] = {name for name, card in cards.items() if made_by(card, code) == OLDER}
        if folder == "two_class_cifar":
            assert older[folder] == set(cards)
    assert older["released"] == {"bounds/abs-paper", "bounds/binary_abs-paper"}
    assert "in `released/` and all of `two_class_cifar/` are of older code" in " ".join(
        (ROOT / "README.md").read_text().split()
    )


def test_what_has_been_run_of_the_authors_networks_is_said():
    folder = ROOT / "released"
    page = " ".join((folder / "README.md").read_text().split())
    cards = read_cards(folder / "results")
    samples = {name.split("/")[1]: card["samples"] for name, card in cards.items() if name.startswith("attacks/")}
    assert set(samples.values()) == {20, 60}
    dear = {name.split("-", 1)[1] for name, n in samples.items() if n == 20}
    assert dear == {"boundary", "pointwise_l2", "pointwise_l0"}
    assert {name for name in samples if name.endswith("_ge")} == {"cnn-fgm_ge", "cnn-fgsm_ge"}
    assert not any(name.startswith("fitted") or "auto_attack" in name for name in samples)
    bounds = {card["samples"] for name, card in cards.items() if name.startswith("bounds/") and "paper" not in name}
    assert bounds == {100}
    for model, words in {
        "abs": "ABS is right on {} %",
        "binary_abs": "on {} % with the paper's gamma",
        "fitted_binary_abs": "on {} % with the fitted one",
    }.items():
        clean = pd.read_csv(folder / f"results/clean/{model}.csv")
        assert words.format(f"{100 * (clean['label'] == clean['predicted']).mean():.2f}") in page
