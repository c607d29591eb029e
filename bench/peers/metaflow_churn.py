"""The first hour with Metaflow: customers.csv beside it becomes a model that says who leaves, an artifact of the run."""

import pandas as pd
from metaflow import FlowSpec, step


class Churn(FlowSpec):
    @step
    def start(self):
        table = pd.read_csv("customers.csv", parse_dates=["signup"]).sort_values("signup")
        held_out = int(len(table) * 0.8)
        self.rows, self.newest = table[:held_out], table[held_out:]
        self.next(self.train)

    def features(self, rows):
        signup = rows["signup"].dt
        numbers = rows[["age", "visits"]].assign(month=signup.month, weekday=signup.weekday)
        return numbers.assign(plan=rows["plan"].astype(pd.CategoricalDtype(["basic", "pro", "team"])))

    @step
    def train(self):
        from sklearn.ensemble import HistGradientBoostingClassifier

        learner = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=1)
        self.model = learner.fit(self.features(self.rows), self.rows["churned"] == "yes")
        self.next(self.evaluate)

    @step
    def evaluate(self):
        from sklearn.metrics import roc_auc_score

        scores = self.model.predict_proba(self.features(self.newest))[:, 1]
        self.auc = roc_auc_score(self.newest["churned"] == "yes", scores)
        self.next(self.end)

    @step
    def end(self):
        print(f"auc {self.auc:.4f}")


if __name__ == "__main__":
    Churn()
