#!/usr/bin/env bash
# get_historical_features of Feast 0.67.0's file store joins one feature view after the other, and after each keeps one
# row of every value of the entities joined so far and time. Ask for a view of drivers and one of customers, with three
# customers of one driver at one time: after the first view two of the three rows are gone, and their customers with
# them. Name the customers' view first and all three rows come back. Which rows are lost depends on the order in which
# features are named; nothing is said, and the answers that are left are right.
# What to do: ask for the views one by one and join them to the entity rows by all keys; or compare the numbers of rows.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
  feast==0.67.0 dask==2026.8.0 pandas==2.3.3 pyarrow==26.0.1 numpy==2.4.6
mkdir data
cat > feature_store.yaml <<'YAML'
project: rides
registry: data/registry.db
provider: local
offline_store:
  type: file
online_store:
  type: sqlite
  path: data/online.db
entity_key_serialization_version: 3
YAML
venv/bin/python -W ignore - 2>/dev/null <<'PYTHON'
import feast, pandas as pd, sys
from datetime import timedelta
from feast import Entity, FeatureStore, FeatureView, Field, FileSource
from feast.types import Int64

day = pd.Timestamp("2024-01-01", tz="UTC")


def view(entity, feature, values):
    rows = pd.DataFrame({entity.join_key: list(values), "event_timestamp": day, feature: list(values.values())})
    rows.to_parquet(f"data/{entity.name}.parquet")
    source = FileSource(path=f"data/{entity.name}.parquet", timestamp_field="event_timestamp")
    schema = [Field(name=feature, dtype=Int64)]
    return FeatureView(name=f"{entity.name}s", entities=[entity], ttl=timedelta(days=9), schema=schema, source=source)


driver, customer = (Entity(name=name, join_keys=[name]) for name in ("driver", "customer"))
store = FeatureStore(".")
store.apply([driver, customer, view(driver, "trips", {7: 70}), view(customer, "tier", {1: 10, 2: 20, 3: 30})])
asked = pd.DataFrame({"driver": [7, 7, 7], "customer": [1, 2, 3], "event_timestamp": day + pd.Timedelta(days=1)})
customers = {}
for features in (["drivers:trips", "customers:tier"], ["customers:tier", "drivers:trips"]):
    got = store.get_historical_features(asked, features).to_df()
    customers[features[0]] = sorted(got.customer.tolist())
    print(f"Feast {feast.__version__}: asked of customers [1, 2, 3], {features}: rows of {customers[features[0]]}")
sys.exit(not (len(customers["drivers:trips"]) == 1 and customers["customers:tier"] == [1, 2, 3]))
PYTHON
