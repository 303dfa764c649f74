// Command agnhost-short is agnhost with only the commands that cyclonus calls in pods, for its tens of thousands of
// connections. It starts in a tenth of the time: agnhost's other commands set up Kubernetes' whole API first. And the time
// limit of a connection is shorter than cyclonus can say, and includes the name's resolution, which without it takes tens of
// seconds where a policy keeps the pod from the name server. Too short a limit can't make what is denied look allowed.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/kubernetes/test/images/agnhost/connect"
	"k8s.io/kubernetes/test/images/agnhost/porter"
	servehostname "k8s.io/kubernetes/test/images/agnhost/serve-hostname"
)

const limit = 500 * time.Millisecond

func main() {
	connect.CmdConnect.PreRun = func(*cobra.Command, []string) {
		time.AfterFunc(limit, func() {
			fmt.Fprintln(os.Stderr, "TIMEOUT")
			os.Exit(1)
		})
	}
	root := &cobra.Command{Use: "agnhost"}
	root.AddCommand(connect.CmdConnect, porter.CmdPorter, servehostname.CmdServeHostname)
	if root.Execute() != nil {
		os.Exit(1)
	}
}
