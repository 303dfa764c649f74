// Command agnhost-short is agnhost with only the commands that cyclonus calls in pods. It starts in a tenth of the time:
// agnhost's other commands set up Kubernetes' whole API first, which is most of what a connection that is tried costs.
package main

import (
	"os"

	"github.com/spf13/cobra"
	"k8s.io/kubernetes/test/images/agnhost/connect"
	servehostname "k8s.io/kubernetes/test/images/agnhost/serve-hostname"
)

func main() {
	root := &cobra.Command{Use: "agnhost"}
	root.AddCommand(connect.CmdConnect, servehostname.CmdServeHostname)
	if root.Execute() != nil {
		os.Exit(1)
	}
}
