"""Random feature views and entity rows in a feature repo, and what Feast's own file store joins of them:
python feast_joins.py FOLDER ROUNDS SEED

Writes FOLDER/feature_store.yaml with registry and parquet files, and FOLDER/rounds.json: by round the view, its ttl,
and whether rows are held back until they were created; by `asked-N.parquet` the entity rows; by `joined` what
`get_historical_features` answers, as rows of [driver, time in ms, value or null].
"""

import json
import os
import sys
from datetime import timedelta

import numpy as np
import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource
from feast.types import Float64

folder, rounds, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random = np.random.default_rng(seed)
os.makedirs(os.path.join(folder, "data"), exist_ok=True)
with open(os.path.join(folder, "feature_store.yaml"), "w", encoding="utf-8") as file:
    file.write(
        "project: rides\nregistry: data/registry.db\nprovider: local\noffline_store:\n  type: file\n"
        "online_store:\n  type: sqlite\n  path: data/online.db\nentity_key_serialization_version: 3\n"
    )
start = pd.Timestamp("2024-01-01", tz="UTC")


def times(minutes):
    return start + pd.to_timedelta(minutes, unit="min")


driver = Entity(name="driver", join_keys=["driver"])
views, facts = [], []
for round in range(rounds):
    # Rows of equal times have an order in Feast only while it sorts sixteen rows or fewer.
    has_ties = round % 3 == 0
    drivers = int(random.integers(1, 3 if has_ties else 7))
    moments = int(random.integers(2, 8 if has_ties else 400))
    if has_ties:
        keys = np.repeat(np.arange(drivers), 3)
        events = random.integers(0, moments, len(keys))
    else:
        pairs = random.permutation(drivers * moments)[: int(random.integers(1, drivers * moments + 1))]
        keys, events = pairs % drivers, pairs // drivers
    rows = pd.DataFrame({"driver": keys.astype("int64"), "event_timestamp": times(events)})
    rows["created"] = rows.event_timestamp + pd.to_timedelta(random.permutation(len(rows)) % (3 * moments), "min")
    rows["score"] = random.normal(size=len(rows))
    rows = rows.sample(frac=1, random_state=round)
    # Equal event and creation have no order at all.
    rows = rows.drop_duplicates(["driver", "event_timestamp", "created"])
    rows.to_parquet(os.path.join(folder, "data", f"rows-{round}.parquet"), index=False)
    asked = pd.DataFrame(
        {
            "driver": random.integers(0, drivers + 1, 2 if has_ties else 60).astype("int64"),
            "event_timestamp": times(random.integers(0, moments + 3, 2 if has_ties else 60)),
        }
    )
    asked.to_parquet(os.path.join(folder, f"asked-{round}.parquet"), index=False)
    ttl = int(random.integers(1, moments + 1)) if random.random() < 0.6 else 0
    views.append(
        FeatureView(
            name=f"view_{round}",
            entities=[driver],
            ttl=timedelta(minutes=ttl),
            schema=[Field(name="score", dtype=Float64)],
            source=FileSource(
                name=f"source_{round}",
                path=f"data/rows-{round}.parquet",
                timestamp_field="event_timestamp",
                created_timestamp_column="created",
            ),
        )
    )
    # Rows that are not held back may be equal only where the order is known: never, for us.
    facts.append({"view": f"view_{round}", "ttl": ttl, "known": has_ties or bool(random.random() < 0.5)})

store = FeatureStore(folder)
store.apply([driver, *views])
for round, fact in enumerate(facts):
    asked = pd.read_parquet(os.path.join(folder, f"asked-{round}.parquet"))
    frame = store.get_historical_features(
        asked, [f"{fact['view']}:score"], filter_by_created_timestamp=fact["known"]
    ).to_df()
    fact["joined"] = [
        [int(row.driver), int(row.event_timestamp.timestamp() * 1000), None if pd.isna(row.score) else row.score]
        for row in frame.itertuples()
    ]
with open(os.path.join(folder, "rounds.json"), "w", encoding="utf-8") as file:
    json.dump(facts, file)
