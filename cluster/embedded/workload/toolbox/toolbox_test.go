package toolbox_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/k8stutor/k8stutor/cluster/embedded/workload"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload/toolbox"
	"github.com/k8stutor/k8stutor/cluster/embedded/workload/workloadtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run runs a script and returns what it did.
func run(t *testing.T, p *workloadtest.Process) (code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	code = toolbox.New("toolbox").Run(ctx, p.Process)
	if ctx.Err() != nil {
		t.Fatalf("did not end: %s%s", p.Out, p.Err)
	}
	return code
}

func TestScripts(t *testing.T) {
	const files = `mkdir -p /d/e; echo one > /d/1; echo two > /d/2; printf 'a:1\nb:2\nc:3\n' > /t; `
	tests := []struct {
		name, script, out, err string
		code                   int
	}{
		// the shell
		{"echo", `echo hello $GREETING`, "hello hello\n", "", 0},
		{"exit code", `exit 3`, "", "", 3},
		{"status", `false; echo $?; true; echo $?`, "1\n0\n", "", 0},
		{"not found", `foo; echo $?`, "127\n", "sh: foo: not found\n", 0},
		{"not found path", `/bin/foo`, "", "sh: /bin/foo: not found\n", 127},
		{"and or", `false && echo no || echo yes`, "yes\n", "", 0},
		{"loops", `for i in 1 2 3; do printf %s $i; done; while [ -z "$x" ]; do x=1; echo; done`, "123\n", "", 0},
		{"functions", `f() { echo "f $1"; }; f a; type f`, "f a\nf is a function\n", "", 0},
		{"arithmetic", `echo $((2+3*4))`, "14\n", "", 0},
		{"substitution", `echo "[$(echo a; echo b)]"`, "[a\nb]\n", "", 0},
		{"pid and name", `echo $$ $0 $1; echo $$ | cat; (echo $$ | cat); eval 'echo $$'; wait`, "7 sh\n7\n7\n7\n", "", 0},
		{"home", `echo ~ ~/x ~root/y a~b "~root" ~nobody; HOME=/h; echo ~ | cat`, "/root /root/x /root/y a~b ~root ~nobody\n/h\n", "", 0},
		{"alias", `alias ll='ls -l'; alias x=echo
x aliased`, "aliased\n", "", 0},
		{"traps see commands", `trap 'echo "bye $$"' EXIT; true`, "bye 7\n", "", 0},
		{"set -e", `set -e; false; echo no`, "", "", 1},
		{"subshell", `(cd /tmp; pwd); pwd`, "/tmp\n/\n", "", 0},
		{"cd fails", `cd /nope`, "", "cd: no such file or directory: \"/nope\"\n", 1},
		{"background", `{ echo bg; } & wait; echo done`, "bg\ndone\n", "", 0},
		{"kill job", `sleep 1000 & kill $!; wait; echo done`, "done\n", "", 0},
		{"exit trap", `trap 'echo bye' EXIT; echo hi`, "hi\nbye\n", "", 0},
		{"here document", "cat <<E\nx $GREETING\nE", "x hello\n", "", 0},
		{"redirection", `echo a > /f; echo b >> /f; cat < /f; cat nope 2>/dev/null || echo failed`, "a\nb\nfailed\n", "", 0},
		{"read", `printf 'a b\nc\n' | while read x y; do echo "$x-$y"; done`, "a-b\nc-\n", "", 0},
		{"glob", files + `cd /d; echo *`, "1 2 e\n", "", 0},
		{"case", `case abc in a*) echo yes;; esac`, "yes\n", "", 0},
		{"syntax error", `if true; then`, "", "sh: syntax error: line 1: `then` must be followed by a statement list\n", 2},
		{"command -v", `command -v ls; command -v cd; command -v nope; echo $?`, "/bin/ls\ncd\n1\n", "", 0},
		{"source", `echo 'x=from-file' > /lib; . /lib; echo $x; . /nope; echo $?`, "from-file\n2\n", "sh: .: can't open '/nope': No such file or directory\n", 0},
		{
			"script file", `printf '#!/bin/sh\necho "script $1 $0"\n' > /s; /s a; chmod +x /s; /s a; sh /s b`,
			"script a /s\nscript b /s\n", "sh: /s: Permission denied\n", 0,
		},
		{"nested sh", `sh -c 'echo $1-$2; exit 4' x a b; echo $?`, "a-b\n4\n", "", 0},
		{"exported", `a=1; export b=2; sh -c 'echo "[$a][$b]"'; c=3 sh -c 'echo $c'; env | grep ^b=`, "[][2]\n3\nb=2\n", "", 0},
		{"time limit", `timeout 0.05 sleep 100; echo $?`, "143\n", "", 0},
		{"endless pipe", `yes | head -n 2`, "y\ny\n", "", 0},
		{"arithmetic loop", `i=0; while [ $i -lt 1000 ]; do i=$((i+1)); done; echo $i`, "1000\n", "", 0},

		// files
		{"cat", files + `cat /d/1 /d/2; cat /nope; cat /d`, "one\ntwo\n", "cat: can't open '/nope': No such file or directory\ncat: read error on '/d': Is a directory\n", 1},
		{"ls", files + `ls /d; ls -1 /nope`, "1\n2\ne\n", "ls: /nope: No such file or directory\n", 1},
		{"ls -l", files + `ls -l /d/1 | cut -c1-10; ls -ld /d | cut -c1`, "-rw-r--r--\nd\n", "", 0},
		{"mkdir", `mkdir /a/b; mkdir -p /a/b && ls /a; mkdir /a`, "b\n", "mkdir: can't create directory '/a/b': No such file or directory\nmkdir: can't create directory '/a': File exists\n", 1},
		{"rm", files + `rm /d; rm -r /d; ls /d 2>/dev/null; rm /nope; rm -f /nope`, "", "rm: '/d' is a directory\nrm: can't remove '/nope': No such file or directory\n", 0},
		{"rm root", `rm -rf /; ls /`, "bin\netc\nroot\ntmp\n", "rm: can't remove '/': Refusing to remove the root directory\n", 0},
		{"mv cp ln", files + `cp -r /d /d2; mv /d2/1 /x; cat /x; ln -s x /y; cat /y; readlink /y; ls /d2`, "one\none\nx\n2\ne\n", "", 0},
		{"chmod", `touch /a; chmod 600 /a; stat -c %a /a; chmod u+x,go+r /a; stat -c '%a %A' /a`, "600\n744 -rwxr--r--\n", "", 0},
		{"find", files + `find /d -type f -name '[12]'; find /d -maxdepth 1 -type d; find /d -name 1 -exec cat {} \;`, "/d/1\n/d/2\n/d\n/d/e\none\n", "", 0},
		{"tar", files + `tar cf - -C / d | (mkdir /out; tar xf - -C /out); cat /out/d/2; tar czf /t.gz /d; tar tf /t.gz`, "two\nd/\nd/1\nd/2\nd/e/\n", "", 0},
		{"basename", `basename /a/b.txt .txt; dirname /a/b`, "b\n/a\n", "", 0},
		{"tee", `echo x | tee /a /b; cat /a /b`, "x\nx\nx\n", "", 0},
		{"dd", `dd if=/dev/zero bs=4 count=2 2>/dev/null | wc -c`, "8\n", "", 0},
		{"devices", `head -c 5 /dev/zero | wc -c; echo gone > /dev/null; echo e > /dev/stderr; echo o > /dev/stdout; cat /dev/null`, "5\no\n", "e\n", 0},

		// text
		{"head tail", `seq 20 | head -3; seq 20 | tail -n 2; seq 5 | tail -n +4; seq 3 | head -n 1`, "1\n2\n3\n19\n20\n4\n5\n1\n", "", 0},
		{
			"grep", files + `grep b /t; grep -c . /t; grep -v a /t; grep -o '[0-9]' /t; grep -n c: /t; grep -i B /t; grep -E 'a|c' /t; grep 'a\|b' /t`,
			"b:2\n3\nb:2\nc:3\n1\n2\n3\n3:c:3\nb:2\na:1\nc:3\na:1\nb:2\n", "", 0,
		},
		{"grep codes", files + `grep -q a /t; echo $?; grep -q z /t; echo $?; grep x /nope; echo $?`, "0\n1\n2\n", "grep: /nope: No such file or directory\n", 0},
		{"grep context", `seq 5 | grep -A1 -B1 3`, "2\n3\n4\n", "", 0},
		{"wc", `printf 'a b\nc\n' | wc -l; printf 'a b\nc\n' | wc; echo xx > /f; wc -c /f`, "2\n        2         3         6\n3 /f\n", "", 0},
		{
			"sort uniq", `printf 'b\na\nb\n10\n9\n' | sort; printf '10\n9\n' | sort -n; printf 'a\na\nb\n' | uniq -c; printf 'x 2\ny 1\n' | sort -k2n`,
			"10\n9\na\nb\nb\n9\n10\n      2 a\n      1 b\ny 1\nx 2\n", "", 0,
		},
		{"cut tr", files + `cut -d: -f2 /t; echo abc | tr a-z A-Z; echo 'a  b' | tr -s ' '; echo abc | tr -d b`, "1\n2\n3\nABC\na b\nac\n", "", 0},
		{
			"sed", files + `sed 's/:/=/' /t; sed -n 2p /t; sed '1d;$d' /t; echo aaa | sed 's/a/b/g'; echo ab | sed -E 's/(a)(b)/\2\1/'; sed -n '/b/,$p' /t`,
			"a=1\nb=2\nc=3\nb:2\nb:2\nbbb\nba\nb:2\nc:3\n", "", 0,
		},
		{"sed in place", `echo x > /f; sed -i s/x/y/ /f; cat /f`, "y\n", "", 0},
		{"xargs", `echo a b | xargs echo x; printf '1\n2\n' | xargs -n 1 echo n; printf 'a\nb\n' | xargs -I {} echo '<{}>'`, "x a b\nn 1\nn 2\n<a>\n<b>\n", "", 0},
		{"base64", `echo -n admin | base64; echo YWRtaW4= | base64 -d`, "YWRtaW4=\nadmin", "", 0},
		{"sums", `echo -n x | md5sum; echo -n x | sha256sum | cut -c1-8`, "9dd4e461268c8034f5c8564e155c67a6  -\n2d711642\n", "", 0},
		{"seq", `seq 2 2 6 | tr '\n' ' '; seq 3 -1 1 | tr '\n' ' '`, "2 4 6 3 2 1 ", "", 0},

		// the system
		{"identity", `whoami; id -u; hostname; hostname -i; uname`, "root\n0\ntoolbox-1\n10.244.0.9\nLinux\n", "", 0},
		{"ps", `ps | tail -n +2 | head -1`, "    1 root      0:00 sleep infinity\n", "", 0},
		{"env", `env -i A=1 env; printenv GREETING`, "A=1\nhello\n", "", 0},
		{"which", `which ls sh; which nope; echo $?`, "/bin/ls\n/bin/sh\n1\n", "", 0},
		{"date", `date -u -d @0 +%Y-%m-%dT%H:%M:%S`, "1970-01-01T00:00:00\n", "", 0},
		{"expr test", `expr 2 + 3; [ -f /t ] || echo none; test 3 -gt 2 && echo yes`, "5\nnone\nyes\n", "", 0},
		{"unknown option", `ls --nope`, "", "ls: unrecognized option: --nope\nUsage: ls [-la1dhtrRF] [FILE]...\n", 1},
		{"ping", `ping localhost`, "", "ping: permission denied: there is no ICMP in k8stutor's containers.\nlocalhost is 127.0.0.1. A Service answers no ping anyway, only its ports do: try nc -zv localhost PORT\n", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := workloadtest.New(t, "sh", "-c", tt.script)
			code := run(t, p)
			if got := p.Out.String(); got != tt.out {
				t.Errorf("stdout %q, want %q", got, tt.out)
			}
			if got := p.Err.String(); got != tt.err {
				t.Errorf("stderr %q, want %q", got, tt.err)
			}
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
		})
	}
}

// TestHostOutOfReach tries every way out of the container that a shell has.
// The marker files lie on the host, where the process's own root doesn't show
// them.
func TestHostOutOfReach(t *testing.T) {
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("HOST-SECRET"), 0o644); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(outside, "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho HOST-SECRET\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOST_VARIABLE", "HOST-SECRET")
	t.Setenv("HOME", outside)
	t.Setenv("TMPDIR", outside)
	replace := strings.NewReplacer("SECRET", secret, "PROGRAM", program, "OUTSIDE", outside)
	for _, script := range []string{
		`cat SECRET`, `cat /../../../../../../SECRET`, `echo "$(< SECRET)"`, `read x < SECRET; echo $x`, `. SECRET`, `source SECRET`,
		`builtin . SECRET`, `command . SECRET`, `eval '. SECRET'`, `PROGRAM`, `exec PROGRAM`, `command PROGRAM`, `builtin PROGRAM`, `sh PROGRAM`,
		`cd OUTSIDE && cat secret`, `cd /; ls ..; ls /../..OUTSIDE`, `echo OUTSIDE/*`, `[ -e SECRET ] && echo HOST-SECRET`, `[[ -r SECRET ]] && echo HOST-SECRET`,
		`[ -x PROGRAM ] && echo HOST-SECRET`, `type PROGRAM && echo HOST-SECRET`, `command -v PROGRAM && echo HOST-SECRET`, `builtin type PROGRAM && echo HOST-SECRET`,
		`ln -s SECRET /link; cat /link`, `ln -s OUTSIDE /dir; cat /dir/secret; ls /dir/`, `ln -s ../../../../../../../SECRET /l; cat /l`,
		`echo $HOST_VARIABLE; env; set; printenv HOST_VARIABLE`, `cat ~/secret`, `cat <(echo x)`, `eval 'cat <(echo x)'`, `trap 'cat <(echo x)' EXIT; exit`,
		`echo HACK > SECRET`, `echo HACK >> SECRET`, `cp /etc/x SECRET; mv /etc SECRET`, `rm -rf OUTSIDE; rm SECRET`, `touch OUTSIDE/new`, `mkdir OUTSIDE/new`,
		`tee OUTSIDE/new < /dev/null`, `wget -O OUTSIDE/new http://x/`, `curl -o OUTSIDE/new http://x/`, `chmod 000 SECRET`, `sed -i s/H/X/ SECRET`,
		`find OUTSIDE`, `tar cf - SECRET`, `head SECRET; tail SECRET; grep H SECRET; sort SECRET; wc SECRET; base64 SECRET`, `dd if=SECRET`, `dd if=/dev/zero of=OUTSIDE/new count=1`,
		`curl file://SECRET`, `wget -O- file://SECRET`, `xargs cat <<< SECRET`, `find / -exec PROGRAM \;`, `timeout 1 PROGRAM`, `env PROGRAM`, `nohup PROGRAM`,
		`mapfile x < SECRET; echo "${x[@]}"`, `shopt -s globstar; echo /**`, `pwd -P`, `pushd OUTSIDE; pwd`, `exec < SECRET; cat`, `exec > OUTSIDE/new; echo x`,
		`echo ~daemon ~nobody/x | cat`, `x=~daemon; echo $x | cat`, `{ echo ~daemon; } & wait`, `(eval 'echo ~daemon') | cat`, `echo {~daemon/,x} | cat`, `echo "${x:-~daemon}" ${x:-~daemon} | cat`,
		`trap 'echo ~daemon' EXIT; true | cat`, `alias x='echo ~daemon'; x | cat`, `for i in ~daemon; do echo $i; done | cat`, `echo ~dae\
mon | cat`, `{ eval 'echo ~daemon'; } & wait`, `cd ~daemon | cat`, `echo > ~daemon | cat`,
		`cat /etc/passwd | grep root`, `cat /etc/shadow`, `cat /proc/self/environ`, `ls /proc /sys /home`, `mktemp -p OUTSIDE`, `TMPDIR=OUTSIDE mktemp`, `cat /dev/sda /dev/mem /dev/kmsg`,
	} {
		t.Run(script, func(t *testing.T) {
			p := workloadtest.New(t, "sh", "-c", replace.Replace(script))
			run(t, p)
			all := p.Out.String() + p.Err.String()
			if strings.Contains(all, "HOST-SECRET") || strings.Contains(all, "root:") || strings.Contains("\n"+all, "\n/usr/sbin") || strings.Contains(all, "/nonexistent") {
				t.Errorf("the host shows: %s", all)
			}
		})
	}
	entries, err := os.ReadDir(outside)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 {
		t.Errorf("the host's folder was changed: %v", entries)
	}
	if data, err := os.ReadFile(secret); err != nil || string(data) != "HOST-SECRET" {
		t.Errorf("the host's file was changed: %q, %v", data, err)
	}
}

func TestStandardInput(t *testing.T) {
	tests := []struct{ name, in, out string }{
		{"script", "echo one\necho two\n", "one\ntwo\n"},
		{"script and data", "cat\nfor cat\n", "for cat\n"},
		{"read takes its line", "read x\nvalue\necho got $x\n", "got value\n"},
		{"no newline at the end", "echo last", "last\n"},
		{"several lines", "for i in 1 2\ndo echo $i\ndone\n", "1\n2\n"},
		{"exit", "exit 0\necho no\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := workloadtest.New(t, "sh")
			p.Stdin = strings.NewReader(tt.in)
			if code := run(t, p); code != 0 {
				t.Errorf("exit code %d: %s", code, p.Err)
			}
			if got := p.Out.String(); got != tt.out {
				t.Errorf("stdout %q, want %q", got, tt.out)
			}
		})
	}
}

func TestTimeLimitOnInput(t *testing.T) {
	in, keyboard := io.Pipe()
	defer keyboard.Close()
	p := workloadtest.New(t, "sh", "-c", "timeout 0.05 cat; echo $?; read x; echo $x")
	p.Stdin = in
	done := make(chan int, 1)
	go func() { done <- toolbox.New("toolbox").Run(t.Context(), p.Process) }()
	p.Out.WaitFor(t, 0, "143\n")
	if _, err := io.WriteString(keyboard, "line\n"); err != nil {
		t.Fatal(err)
	}
	<-done
	if got := p.Out.String(); got != "143\nline\n" {
		t.Errorf("stdout %q", got)
	}
}

// TestKill shows that a cancelled context ends everything at once, whatever
// the command waits for.
func TestKill(t *testing.T) {
	for _, script := range []string{
		`sleep 1000`, `while true; do :; done`, `while true; do x=1; done`, `cat`, `sleep 1000 & wait`, `yes > /dev/null`, `cat /dev/zero > /dev/null`,
		`tail -f /etc/f`, `read x`, `nc -l 99`, `sleep 1000 | cat`, `cat | cat`, `yes | sleep 1000`, `timeout 1000 sleep 1000`, `sh -c 'sleep 1000'`,
		`dd if=/dev/zero of=/dev/null`, `sha256sum /dev/zero`, `wget -q -O- http://black:80/`, `curl -s http://black:80/`, `nc black 80`, `watch true`,
		`seq 1 1000000000 > /dev/null`, `load -d 1000 http://black/`, `nslookup x`, `while true; do wget -q -O- http://refused; done`, `(sleep 1000) & sleep 1000`,
	} {
		t.Run(script, func(t *testing.T) {
			p := workloadtest.New(t, "sh", "-c", "echo started; "+script)
			p.WriteFile(t, "/etc/f", "x\n", 0o644)
			p.WriteFile(t, "/etc/resolv.conf", "nameserver 192.0.2.1\n", 0o644)
			p.Net.Hosts["black"], p.Net.Hosts["refused"] = []string{"192.0.2.1"}, []string{"192.0.2.2"}
			p.Net.Black["192.0.2.1"] = true
			in, keyboard := io.Pipe()
			p.Stdin = in
			ctx, kill := context.WithCancel(t.Context())
			done := make(chan int, 1)
			go func() { done <- toolbox.New("toolbox").Run(ctx, p.Process) }()
			p.Out.WaitFor(t, 0, "started")
			kill()
			select {
			case <-done:
			case <-time.After(10 * time.Second):
				t.Error("still running 10 s after it was killed")
			}
			_ = keyboard.Close() // as a runtime does when the container has ended
		})
	}
}

func TestSignals(t *testing.T) {
	tests := []struct {
		name, image, script string
		pid, code           int
		out                 string
	}{
		{"exec ends", "busybox", `echo started; sleep 1000`, 7, 143, "started\n"},
		{"toolbox as process 1 ends", "toolbox", `echo started; sleep 1000`, 1, 143, "started\n"},
		{"trap", "busybox", `trap 'echo term; exit 5' TERM; echo started; while true; do sleep 0.01; done`, 1, 5, "started\nterm\n"},
		{"trap and wait", "busybox", `trap 'echo term; exit 6' TERM; echo started; sleep 1000 & wait`, 1, 6, "started\nterm\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := workloadtest.New(t, "sh", "-c", tt.script)
			p.PID = tt.pid
			done := make(chan int, 1)
			go func() { done <- toolbox.New(tt.image).Run(t.Context(), p.Process) }()
			p.Out.WaitFor(t, 0, "started")
			// The statement after echo may not have begun; wait is woken by
			// the signal only once it waits, so it is sent until it is heard.
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			timeout := time.After(10 * time.Second)
			for {
				select {
				case p.Sig <- workload.SIGTERM:
				default:
				}
				select {
				case code := <-done:
					if code != tt.code {
						t.Errorf("exit code %d, want %d: %s", code, tt.code, p.Err)
					}
					if !strings.HasPrefix(p.Out.String(), tt.out) {
						t.Errorf("stdout %q, want %q", p.Out, tt.out)
					}
					return
				case <-tick.C:
				case <-timeout:
					t.Fatalf("still running: %s%s", p.Out, p.Err)
				}
			}
		})
	}
}

// TestProcessOneIgnoresTerm is what a kernel does with process 1 when it has
// no handler: the container runs until it is killed.
func TestProcessOneIgnoresTerm(t *testing.T) {
	p := workloadtest.New(t, "sh", "-c", "echo started; sleep 0.05; echo done")
	p.PID = 1
	done := make(chan int, 1)
	go func() { done <- toolbox.New("busybox").Run(t.Context(), p.Process) }()
	p.Out.WaitFor(t, 0, "started")
	p.Sig <- workload.SIGTERM
	if code := <-done; code != 0 || p.Out.String() != "started\ndone\n" {
		t.Errorf("exit code %d, stdout %q", code, p.Out)
	}
}

func TestCPUIsCharged(t *testing.T) {
	p := workloadtest.New(t, "sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done")
	begin := time.Now()
	run(t, p)
	took := time.Since(begin)
	if _, charged := p.CPU.Seen(); charged < took/4 || charged > took {
		t.Errorf("charged %s of %s", charged, took)
	}
}

func TestLookup(t *testing.T) {
	tests := []struct {
		image, argv0 string
		want         bool
	}{
		{"busybox", "sh", true},
		{"busybox", "/bin/sh", true},
		{"busybox", "/usr/bin/wget", true},
		{"busybox", "bash", false},
		{"busybox", "/bin/bash", false},
		{"toolbox", "bash", true},
		{"toolbox", "nope", false},
		{"toolbox", "/bin/nope", false},
		{"busybox", "/scripts/run.sh", true},
		{"toolbox", "toolbox", true},
		{"busybox", "busybox", true},
		{"curl", "curl", true},
		{"curl", "/entrypoint.sh", true},
	}
	for _, tt := range tests {
		if _, ok := toolbox.New(tt.image).Lookup(tt.argv0); ok != tt.want {
			t.Errorf("%s in %s: %v, want %v", tt.argv0, tt.image, ok, tt.want)
		}
	}
}

func TestDirectCommands(t *testing.T) {
	tests := []struct {
		args []string
		out  string
		code int
	}{
		{[]string{"ls", "/"}, "bin\netc\nroot\ntmp\n", 0},
		{[]string{"/bin/echo", "-n", "a b", "$x"}, "a b $x", 0},
		{[]string{"env"}, "GREETING=hello\n", 0},
		{[]string{"false"}, "", 1},
		{[]string{"toolbox", "seq", "2"}, "1\n2\n", 0},
		{[]string{"/nope/run"}, "", 127},
		{[]string{"sh", "-c"}, "", 2},
	}
	for _, tt := range tests {
		p := workloadtest.New(t, tt.args...)
		if code := run(t, p); code != tt.code || p.Out.String() != tt.out {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", tt.args, code, p.Out, p.Err)
		}
	}
}
