package kubectlwords_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/chai2010/gettext-go"
	"k8s.io/kubectl/pkg/cmd"

	_ "github.com/k8stutor/k8stutor/internal/cli/kubectlwords"
)

// The order of initialisation is what this package stands on: were kubectl's
// packages first, an English start would have read the words.
func TestSetBeforeKubectlAsks(t *testing.T) {
	const short = "Display one or many resources"
	if os.Getenv("KUBECTLWORDS_CHILD") != "" {
		get, _, err := cmd.NewKubectlCommand(cmd.KubectlOptions{}).Find([]string{"get"})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("domain=%q short=%s", gettext.SetDomain(""), get.Short)
		return
	}
	for _, test := range []struct {
		lang string
		read bool
	}{
		{"en_US.UTF-8", false},
		{"de_DE.UTF-8", true},
	} {
		child := exec.Command(os.Args[0], "-test.run=TestSetBeforeKubectlAsks", "-test.v")
		child.Env = append(os.Environ(), "KUBECTLWORDS_CHILD=1", "LC_ALL="+test.lang)
		out, err := child.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if strings.Contains(string(out), `domain="k8s"`) != test.read || strings.Contains(string(out), short) == test.read {
			t.Errorf("%s: want words read %v, got\n%s", test.lang, test.read, out)
		}
	}
}
