// Command cyclonus-batch runs the cases that cyclonus generates, as its command 'generate' does, but with its worker: one
// exec in each pod for all of the pod's connections, instead of one for each. cyclonus has that, and no option for it.
package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mattfenwick/cyclonus/pkg/connectivity"
	"github.com/mattfenwick/cyclonus/pkg/connectivity/probe"
	"github.com/mattfenwick/cyclonus/pkg/generator"
	"github.com/mattfenwick/cyclonus/pkg/kube"
	"github.com/spf13/cobra"
	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	// By default a client makes five, and waits some four seconds between two cases.
	requestsPerSecond = 200
	podsReadySeconds  = 120
	removalLimit      = 2 * time.Minute
)

// The cases' texts name these.
var (
	namespaces = []string{"x", "y", "z"}
	pods       = []string{"a", "b", "c"}
	ports      = []int{80, 81}
)

type options struct {
	protocols []string
	include   []string
	results   string
	retries   int
}

func main() {
	var chosen options
	command := &cobra.Command{
		Use:           "cyclonus-batch",
		Short:         "Runs all cases that cyclonus generates, in the cluster of KUBECONFIG",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(*cobra.Command, []string) error { return run(chosen) },
	}
	command.Flags().StringSliceVar(&chosen.protocols, "server-protocol", []string{"TCP", "UDP", "SCTP"}, "what pods serve")
	command.Flags().StringSliceVar(&chosen.include, "include", nil, "only cases with one of these tags")
	command.Flags().StringVar(&chosen.results, "junit-results-file", "", "where the results go")
	command.Flags().IntVar(&chosen.retries, "retries", 1, "how often a table that is not as expected is made again")
	if err := command.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "cyclonus-batch:", err)
		os.Exit(1)
	}
}

func run(chosen options) error {
	if err := generator.ValidateTags(chosen.include); err != nil {
		return err
	}
	client, err := connect()
	if err != nil {
		return err
	}
	// A run that was killed may have left them.
	if err := removeNamespaces(client); err != nil {
		return err
	}
	var protocols []v1.Protocol
	for _, protocol := range chosen.protocols {
		protocols = append(protocols, v1.Protocol(strings.ToUpper(protocol)))
	}
	// With the worker, its image is the one that cyclonus names, whatever the registry.
	resources, err := probe.NewDefaultResources(client, namespaces, pods, ports, protocols, nil, podsReadySeconds, true, "")
	if err != nil {
		return err
	}
	last, err := resources.GetPod("z", "c")
	if err != nil {
		return err
	}
	interpreter := connectivity.NewInterpreter(client, resources, &connectivity.InterpreterConfig{
		ResetClusterBeforeTestCase:       true,
		VerifyClusterStateBeforeTestCase: true,
		KubeProbeRetries:                 chosen.retries,
		BatchJobs:                        true,
		// No policy keeps a pod from itself (NetworkPolicy API).
		IgnoreLoopback: true,
	})
	printer := &connectivity.Printer{IgnoreLoopback: true, JunitResultsFile: chosen.results}
	cases := generator.NewTestCaseGenerator(true, last.IP, namespaces, chosen.include, nil).GenerateTestCases()
	for number, testCase := range cases {
		fmt.Printf("starting test case #%d of %d\n", number+1, len(cases))
		result := interpreter.ExecuteTestCase(testCase)
		if result.Err != nil {
			return result.Err
		}
		printer.PrintTestCaseResult(result)
		printFirstTries(result)
	}
	printer.PrintSummary()
	return removeNamespaces(client)
}

// What was not as expected before it was, which cyclonus tells only of cases that fail.
func printFirstTries(result *connectivity.Result) {
	for number, step := range result.Steps {
		for try := range step.KubeProbes[1:] {
			fmt.Printf("step %d, try %d, . as expected:\n%s\n%s\n", number+1, try+1, step.KubeProbes[try].RenderTable(),
				step.Comparison(try).RenderSuccessTable())
		}
	}
}

func connect() (*kube.Kubernetes, error) {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		clientcmd.NewDefaultClientConfigLoadingRules(), &clientcmd.ConfigOverrides{}).ClientConfig()
	if err != nil {
		return nil, err
	}
	config.QPS = requestsPerSecond
	config.Burst = requestsPerSecond
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &kube.Kubernetes{ClientSet: clients, RestConfig: config}, nil
}

// Returns when they are gone.
func removeNamespaces(client *kube.Kubernetes) error {
	for _, namespace := range namespaces {
		if err := client.DeleteNamespace(namespace); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	for deadline := time.Now().Add(removalLimit); ; time.Sleep(time.Second) {
		left, err := client.GetAllNamespaces()
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(left.Items, func(found v1.Namespace) bool { return slices.Contains(namespaces, found.Name) }) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("namespaces %s are not gone %s after they were deleted", strings.Join(namespaces, ", "), removalLimit)
		}
	}
}
