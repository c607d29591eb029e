"""Trains a small network of PyTorch on what SageMaker's training containers are given; exports it by torch.onnx.

Hyperparameters: `hidden` units of each of two layers, `epochs`, `batch` rows at a time, `learning_rate`.
"""

import csv
import json
import os
import random
from pathlib import Path

import numpy as np
import torch
from torch import nn

config = Path(os.environ["SM_INPUT_CONFIG_DIR"])
columns = json.loads((config / "columns.json").read_text())
features = columns["features"]
is_binary = columns["task"] == "binary"
hyperparameters = json.loads(os.environ["SM_HPS"])
hidden = int(hyperparameters.get("hidden", 64))
epochs = int(hyperparameters.get("epochs", 20))
batch = int(hyperparameters.get("batch", 256))
learning_rate = float(hyperparameters.get("learning_rate", 0.01))

# The same bytes every time: seeds, algorithms that are deterministic, and one thread, for sums depend on how many.
random.seed(columns["seed"])
np.random.seed(columns["seed"] % 2**32)
torch.manual_seed(columns["seed"])
torch.use_deterministic_algorithms(True)
torch.set_num_threads(1)


def read(channel):
    """Features as the model takes them [rows, features]: numbers, and texts by their places; labels; weights."""
    codes = {each["name"]: {text: code for code, text in enumerate(each.get("categories", []))} for each in features}

    def value(row, feature):
        text = row[feature["name"]]
        if feature["kind"] == "category":
            return codes[feature["name"]].get(text, np.nan)
        return float(text) if text else np.nan

    with open(Path(os.environ[f"SM_CHANNEL_{channel.upper()}"]) / f"{channel}.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    x = np.array([[value(row, feature) for feature in features] for row in rows], dtype=np.float32)
    label = None if channel == "parity" else np.array([[float(row[columns["label"]])] for row in rows])
    weight = [[float(row[columns["weight"]])] for row in rows] if channel == "train" and "weight" in columns else None
    return torch.from_numpy(x), label, weight


class Network(nn.Module):
    """Scales numbers, puts their mean where one is missing, makes a column of every text, and answers."""

    def __init__(self, x, mean, spread):
        super().__init__()
        self.numbers = [i for i, each in enumerate(features) if each["kind"] == "number"]
        self.texts = [i for i, each in enumerate(features) if each["kind"] == "category"]
        given = x[:, self.numbers].double().numpy()
        self.register_buffer("centre", torch.tensor(np.nan_to_num(np.nanmean(given, axis=0)), dtype=torch.float32))
        scale = np.nan_to_num(np.nanstd(given, axis=0))
        self.register_buffer("scale", torch.tensor(np.where(scale > 0, scale, 1), dtype=torch.float32))
        self.sizes = [len(features[i]["categories"]) for i in self.texts]
        self.mean, self.spread = mean, spread
        self.layers = nn.Sequential(
            nn.Linear(len(self.numbers) + sum(self.sizes), hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 1),
        )

    def scores(self, x):
        numbers = x[:, self.numbers]
        parts = [(torch.where(torch.isnan(numbers), self.centre, numbers) - self.centre) / self.scale]
        # A text that is missing or not known is none of them.
        for i, size in zip(self.texts, self.sizes):
            parts.append((x[:, i : i + 1] == torch.arange(size, dtype=torch.float32)).float())
        return self.layers(torch.cat(parts, dim=1))

    def forward(self, x):
        scores = self.scores(x)
        return torch.sigmoid(scores) if is_binary else scores * self.spread + self.mean


x, y, weights = read("train")
validation, truth, _ = read("validation")
made_up, _, _ = read("parity")
mean, spread = (0.0, 1.0) if is_binary else (float(y.mean()), float(y.std()) or 1.0)
labels = torch.tensor((y - mean) / spread, dtype=torch.float32)
weight = torch.ones_like(labels) if weights is None else torch.tensor(weights, dtype=torch.float32)
model = Network(x, mean, spread)
loss_of = nn.BCEWithLogitsLoss(reduction="none") if is_binary else nn.MSELoss(reduction="none")
optimizer = torch.optim.Adam(model.layers.parameters(), lr=learning_rate)
for epoch in range(epochs):
    for rows in torch.randperm(len(x)).split(batch):
        optimizer.zero_grad()
        loss = (loss_of(model.scores(x[rows]), labels[rows]) * weight[rows]).sum() / weight[rows].sum()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        held = loss_of(model.scores(validation), torch.tensor((truth - mean) / spread, dtype=torch.float32)).mean()
    print(f"epoch {epoch + 1} validation loss={held.item():.6f}")

model.eval()
output = Path(os.environ["SM_OUTPUT_DATA_DIR"])
with torch.no_grad():
    for name, rows in ("predictions", validation), ("parity", made_up):
        np.savetxt(output / f"{name}.csv", model(rows).double().numpy(), fmt="%.17g")
program = torch.onnx.export(
    model,
    (validation[:2],),
    input_names=["X"],
    output_names=["probability" if is_binary else "prediction"],
    dynamic_shapes=({0: torch.export.Dim("rows")},),
    dynamo=True,
)
# Nodes carry the stack that they come from, with the paths of this very folder.
for node in program.model.graph.all_nodes():
    node.metadata_props.clear()
    node.doc_string = None
program.model.graph.metadata_props.clear()
# By default weights lie in a file of their own.
program.save(Path(os.environ["SM_MODEL_DIR"]) / "model.onnx", external_data=False)
