"""How the quality of CascadeNet grows with its training: a table, and a picture of one metric.

ntgbench run headers -d TRACE -s "cascadenet-tuned[g1_steps=250,…]" -s … --out FOLDER
python -m benchmarks.cascadenet_curve FOLDER/rows.jsonl DATASET PICTURE.svg [METRIC …]
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from ntgbench.report.charts import Axis, Point, scatter
from ntgbench.results import read_rows

METRICS = ["lfit", "lfd", "it", "fit", "fd", "bu", "queue_50", "queue_80", "diagram"]


def main() -> None:
    rows_file, dataset, picture, *wanted = sys.argv[1:]
    metrics = wanted or METRICS
    found: dict[tuple[str, int], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in read_rows(Path(rows_file)):
        name = row["system"]
        trained = name.startswith("cascadenet-tuned") and row["params"].get("conditions", "generated") == "generated"
        if row["dataset"] != dataset or row["status"] != "ok" or not (trained or row["reference"]):
            continue
        cell = found[name if row["reference"] else "cascadenet-tuned", int(row["params"].get("g1_steps") or 0)]
        cell["minutes"].append(row["phases"]["fit"] / 60)
        for key, metric in row["metrics"].items():
            if key.partition("/")[2] in metrics and isinstance(metric["value"], float):
                cell[key.partition("/")[2]].append(metric["value"])
    print("| system | steps | minutes | " + " | ".join(metrics) + " |")
    print("|---" * (len(metrics) + 3) + "|")
    for (name, steps), cell in sorted(found.items()):
        values = [f"{np.mean(cell[key]):.3g} ± {np.ptp(cell[key]) / 2:.2g}" for key in metrics]
        print(f"| {name} | {steps or '-'} | {np.mean(cell['minutes']):.1f} | " + " | ".join(values) + " |")
    points = [
        Point(f"{steps} steps", steps, float(value))
        for (name, steps), cell in found.items()
        if steps
        for value in [np.mean(cell[metrics[0]])]
    ]
    x, y = Axis("steps of each generator", log=True), Axis(metrics[0])
    about = f"{metrics[0]} over the steps that each generator was trained for."
    Path(picture).write_text(scatter(points, x, y, about), encoding="utf-8")


if __name__ == "__main__":
    main()
