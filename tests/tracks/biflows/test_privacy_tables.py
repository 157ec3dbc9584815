"""The page of the privacy suite."""

from made_rows import make_row

from ntgbench.report.board import boards
from ntgbench.tracks.biflows.tables import privacy_tables


def metric(value, goal="min", **more):
    return {"value": value, "version": 1, "goal": goal, "digits": 3, **more}


def test_a_floor_of_its_own_stands_beside_a_system_and_real_traffic_has_a_line() -> None:
    def row(system, auc, hit, floor):
        found = {
            "membership_auc": metric(auc, "near", best=0.5, primary=True),
            "membership_auc@nearest": metric(auc, "near", best=0.5),
            "single_hit": metric(hit),
            "single_hit@floor": metric(floor),
            "single_hit@real": metric(0.13),
            "exact_copies": metric(0.9),
            "exact_copies@floor": metric(0.6),
        }
        return make_row(system, 0, metrics={f"privacy/{name}": one for name, one in found.items()})

    rows = [row("careful", 0.51, 0.12, 0.11), row("copying", 0.9, 0.7, 0.02)]
    main, title, attacks = privacy_tables(boards(rows, "privacy")[0], rows)
    lines = [[cell.strip(" *`") for cell in line.strip("|").split("|")] for line in str(main).splitlines()]
    assert lines[0][2:] == ["membership_auc → 0.5", "exact_copies ↓", "single_hit ↓", "single_hit, floor"]
    found = {line[1].rstrip("‡§¶` "): line[2:] for line in lines}
    assert [one.strip("* ") for one in found["copying"]] == ["0.900", "0.900", "0.700", "0.020"]
    assert found["unseen real traffic"] == ["-", "0.600", "0.130", "-"]
    assert title == "### By attack"
    assert "membership_auc@nearest" in str(attacks)
