#!/usr/bin/env bash
# Argo Rollouts 1.8.3: a web metric whose server answers 200 with a body that is no JSON (a sign-in page of a proxy, nothing at all)
# is measured as Successful. Neither successCondition nor failureCondition is looked at, though both are set.
# What follows for us: `slipway export argo-analysis` has the address of gateways themselves, and docs/rollouts.md warns of proxies.
# Needs Go; builds the provider out of Argo's own module, which takes minutes.
set -euo pipefail
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
source=$(go mod download -json github.com/argoproj/argo-rollouts@v1.8.3 | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
cp -r "$source" src
chmod -R u+w src
mkdir src/cmd/trial
cat > src/cmd/trial/main.go <<'GO'
package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	log "github.com/sirupsen/logrus"

	"github.com/argoproj/argo-rollouts/metricproviders/webmetric"
	"github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"
)

func main() {
	expected := map[string]string{
		`{"verdict":"passed"}`:    "Successful",
		`{"verdict":"failed"}`:    "Failed",
		`{"verdict":"undecided"}`: "Inconclusive",
		`<html>sign in</html>`:    "Successful",
		``:                        "Successful",
	}
	for body, phase := range expected {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, body) }))
		metric := v1alpha1.Metric{
			Name:             "verdict",
			SuccessCondition: `result.verdict == "passed"`,
			FailureCondition: `result.verdict == "failed"`,
			Provider:         v1alpha1.MetricProvider{Web: &v1alpha1.WebMetric{URL: server.URL, JSONPath: "{$}"}},
		}
		parser, _ := webmetric.NewWebMetricJsonParser(metric)
		client, _ := webmetric.NewWebMetricHttpClient(metric)
		provider := webmetric.NewWebMetricProvider(*log.NewEntry(log.New()), client, parser)
		seen := provider.Run(&v1alpha1.AnalysisRun{}, metric).Phase
		fmt.Printf("argo-rollouts 1.8.3: %q is %s\n", body, seen)
		if string(seen) != phase {
			os.Exit(1)
		}
		server.Close()
	}
}
GO
cd src
GOFLAGS=-mod=mod go run ./cmd/trial
