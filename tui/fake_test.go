package tui

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/k8stutor/k8stutor/cluster"
	"github.com/k8stutor/k8stutor/cluster/watch"
	"github.com/k8stutor/k8stutor/lessons"
	"github.com/k8stutor/k8stutor/tui/term"
)

// began is when everything in these tests happens.
var began = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)

// fakeSession is a lesson that does what the test says.
type fakeSession struct {
	updates chan lessons.Update
	asked   chan string
}

func newFakeSession() *fakeSession {
	return &fakeSession{updates: make(chan lessons.Update, 16), asked: make(chan string, 16)}
}

func (s *fakeSession) Updates() <-chan lessons.Update { return s.updates }
func (s *fakeSession) Next()                          { s.asked <- "next" }
func (s *fakeSession) Previous()                      { s.asked <- "previous" }
func (s *fakeSession) Reset()                         { s.asked <- "reset" }
func (s *fakeSession) Retry()                         { s.asked <- "retry" }
func (s *fakeSession) Answer(check, text string)      { s.asked <- "answer " + check + "=" + text }
func (s *fakeSession) OpenHint()                      { s.asked <- "hint" }
func (s *fakeSession) Draw(step string, seed int) error {
	s.asked <- fmt.Sprintf("draw %s %d", step, seed)
	return nil
}

// fakeView is a cluster that does not change.
type fakeView struct {
	changed chan struct{}
	objects map[schema.GroupVersionResource][]*unstructured.Unstructured
	conn    watch.Connection
}

func (v *fakeView) Changed() <-chan struct{} { return v.changed }
func (v *fakeView) Objects(r schema.GroupVersionResource) []*unstructured.Unstructured {
	return v.objects[r]
}
func (v *fakeView) Events() []*unstructured.Unstructured { return v.objects[gvrEvents] }
func (v *fakeView) Connection() watch.Connection         { return v.conn }

type obj = map[string]any

func object(kind, name, owner string, fields obj) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: fields}
	if u.Object == nil {
		u.Object = obj{}
	}
	u.SetKind(kind)
	u.SetName(name)
	u.SetNamespace("tutor-service")
	u.SetUID(types.UID(kind + "/" + name))
	if owner != "" {
		u.SetOwnerReferences(append(u.GetOwnerReferences(), newOwner(owner)))
	}
	return u
}

func pod(name, owner, ip, waiting string) *unstructured.Unstructured {
	state := obj{"running": obj{"startedAt": began.Format(time.RFC3339)}}
	if waiting != "" {
		state = obj{"waiting": obj{"reason": waiting}}
	}
	return object("Pod", name, owner, obj{
		"spec": obj{"containers": []any{obj{"name": "app"}}},
		"status": obj{"phase": "Running", "podIP": ip, "containerStatuses": []any{
			obj{"name": "app", "ready": waiting == "", "restartCount": int64(0), "state": state},
		}},
	})
}

func event(ago time.Duration, kind, reason, object_, message string) *unstructured.Unstructured {
	return object("Event", fmt.Sprint(reason, ago), "", obj{
		"type": kind, "reason": reason, "message": message, "lastTimestamp": began.Add(-ago).Format(time.RFC3339Nano),
		"involvedObject": obj{"kind": "Pod", "name": object_},
	})
}

func newFakeView(pods int) *fakeView {
	v := &fakeView{changed: make(chan struct{}, 1), conn: watch.Connection{OK: true, Since: began}}
	v.objects = map[schema.GroupVersionResource][]*unstructured.Unstructured{
		gvrServices: {object("Service", "go-api", "", obj{"spec": obj{
			"type": "ClusterIP", "clusterIP": "10.96.252.198",
			"ports": []any{obj{"port": int64(80), "targetPort": int64(8080)}},
		}})},
		gvrDeployments: {object("Deployment", "go-api", "", obj{
			"spec": obj{"replicas": int64(pods)}, "status": obj{"readyReplicas": int64(pods - 1), "replicas": int64(pods)},
		})},
		gvrReplicaSets: {
			object("ReplicaSet", "go-api-65577fc4f9", "Deployment/go-api", obj{
				"spec": obj{"replicas": int64(pods)}, "status": obj{"readyReplicas": int64(pods - 1), "replicas": int64(pods)},
			}),
			object("ReplicaSet", "go-api-5d8c7b9f44", "Deployment/go-api", obj{"spec": obj{"replicas": int64(0)}, "status": obj{}}),
		},
		gvrEvents: {
			event(2*time.Second, "Normal", "Created", "go-api-65577fc4f9-x2x1q", "Created container: go-api"),
			event(3*time.Second, "Normal", "Pulled", "go-api-65577fc4f9-x2x1q", `Container image "go-api:0.0.1" already present on machine`),
			event(4*time.Second, "Normal", "Scheduled", "go-api-65577fc4f9-x2x1q", "Successfully assigned tutor-service/go-api-65577fc4f9-x2x1q to node-1"),
			event(4*time.Second, "Normal", "Killing", "go-api-65577fc4f9-9xkdp", "Stopping container go-api"),
			event(70*time.Second, "Warning", "Unhealthy", "go-api-65577fc4f9-9xkdp", "Readiness probe failed: 讀取逾時"),
		},
	}
	var endpoints []any
	for i := range pods {
		name := fmt.Sprintf("go-api-65577fc4f9-%c%c%cjk", 'a'+i%26, 'a'+i/26%26, 'a'+i/676%26)
		ip := fmt.Sprintf("10.244.%d.%d", i/250, i%250+5)
		waiting := ""
		if i == pods-1 {
			name, waiting = "go-api-65577fc4f9-x2x1q", "ContainerCreating"
		}
		v.objects[gvrPods] = append(v.objects[gvrPods], pod(name, "ReplicaSet/go-api-65577fc4f9", ip, waiting))
		endpoints = append(endpoints, obj{"addresses": []any{ip}, "conditions": obj{"ready": waiting == ""}, "targetRef": obj{"name": name}})
	}
	slice := object("EndpointSlice", "go-api-8hx2l", "Service/go-api", obj{"endpoints": endpoints})
	slice.SetLabels(map[string]string{"kubernetes.io/service-name": "go-api"})
	v.objects[gvrEndpoints] = []*unstructured.Unstructured{slice}
	return v
}

// update is a step of a lesson, half done.
func update(lang string) lessons.Update {
	u := lessons.Update{
		Lesson: "service", Step: "endpoints", Index: 2, Count: 7, Entry: 1, State: lessons.StateActive, Began: began.Add(-252 * time.Second),
		Outcome: lessons.Outcome{Lesson: "service", Step: "endpoints", Checks: []lessons.CheckResult{
			{ID: "selects", Title: "The Service selects app=go-api", Verdict: lessons.Met},
			{
				ID: "three", Title: "Three endpoints are ready", Verdict: lessons.Converging,
				Why: []string{"have 2: go-api-65577fc4f9-x2x1q is ContainerCreating (2 s)"},
			},
			{ID: "same", Title: "The Service kept its ClusterIP all the time", Verdict: lessons.Unmet},
		}},
	}
	u.Text = lessons.StepText{
		Title: "The Pods move, the address stays",
		Body: "The Service does not remember three Pods. A controller watches all Pods with its labels, and keeps a list of those that are **ready**: its `endpoints`.\n\n" +
			"```\n 10.96.252.198:80\n   ├─▶ 10.244.0.5\n   └─▶ 10.244.0.6\n```\n\n1. Delete one Pod and watch its address leave the list.\n2. A new one takes its place.\n\n> The ClusterIP must not change.",
		Hints:   []string{"Which object, when deleted, is replaced by its Deployment?", "```\nkubectl delete pod go-api-65577fc4f9-aaajk\n```"},
		Debrief: "The list follows the Pods, so that the address does not have to.",
	}
	if lang == "zh-TW" {
		u.Text = lessons.StepText{
			Title: "Pod 換了，位址不動",
			Body: "Service 並不是記住了那三個 Pod。有個控制器一直盯著帶有這些標籤的 Pod，把**準備好**的列成名單，這份名單就叫 `endpoints`。Pod 要走，立刻除名；新的一準備好，就補上去。\n\n" +
				"```\n 10.96.252.198:80\n   ├─▶ 10.244.0.5\n   └─▶ 10.244.0.6\n```\n\n1. 刪掉其中一個 Pod，看它的位址離開名單。\n2. 新的會補上來。\n\n> ClusterIP 一刻都不能變。",
			Hints:   []string{"這件事你做過：刪掉哪種物件，Deployment 會自動補一個？", "```\nkubectl delete pod go-api-65577fc4f9-aaajk\n```"},
			Debrief: "名單跟著 Pod 走，位址就不必動。",
		}
		for i, title := range []string{"Service 選到 app=go-api", "三個 endpoint 都準備好了", "Service 的 ClusterIP 從頭到尾沒有變"} {
			u.Outcome.Checks[i].Title = title
		}
		u.Outcome.Checks[1].Why = []string{"目前有 2 個：go-api-65577fc4f9-x2x1q 是 ContainerCreating（2 秒）"}
	}
	return u
}

// met is the same step, done.
func met(lang string) lessons.Update {
	u := update(lang)
	for i := range u.Outcome.Checks {
		u.Outcome.Checks[i].Verdict, u.Outcome.Checks[i].Why = lessons.Met, nil
	}
	u.Outcome.Met = true
	return u
}

// questions is a step with a long text, two checks and three questions, of which
// the first few are answered; with all of them, the step is done.
func questions(lang string, answered int) lessons.Update {
	u := update(lang)
	u.Step, u.Outcome.Step = "dns", "dns"
	titles := []string{
		"You started another Pod, and it ran", "You looked from inside that Pod (exec, attach or its log)",
		"You found the Service's full name", "You know how to reach a Service of another namespace", "You found the Service's address in the Pod's environment",
	}
	asks := []string{
		"The full DNS name of the Service go-api, as nslookup prints it?",
		"The shortest name for the Service kubernetes in the namespace default, from your Pod?", "Which environment variable of your Pod holds the address of go-api?",
	}
	whys := []string{"A Pod of your own, started in this step. One from before does not count.", "Not answered yet."}
	if lang == "zh-TW" {
		titles = []string{
			"你開了另一個 Pod，而且它跑起來了", "你從那個 Pod 裡面看過（exec、attach 或它的記錄）", "你找到了 Service 的全名",
			"你知道怎麼連到別的 namespace 的 Service", "你在 Pod 的環境變數裡找到了 Service 的位址",
		}
		asks = []string{
			"nslookup 印出來的 go-api 這個 Service 的完整 DNS 名稱是什麼？",
			"從你的 Pod 連到 namespace default 裡的 Service kubernetes，最短的名字是什麼？", "你的 Pod 裡哪個環境變數放著 go-api 的位址？",
		}
		whys = []string{"要是你自己在這一步開的 Pod，之前就有的不算。", "還沒有作答。"}
	}
	u.Text.Body += "\n\n" + strings.Repeat(u.Text.Body+"\n\n", 2)
	u.Text.Debrief = strings.Repeat(u.Text.Debrief+"\n\n", 8)
	u.Outcome.Checks = nil
	for i, title := range titles {
		c := lessons.CheckResult{ID: fmt.Sprint("check", i), Title: title, Verdict: lessons.Unmet, Why: []string{whys[min(i/2, 1)]}}
		if i >= 2 {
			c.ID, c.Question, c.Why = fmt.Sprint("question", i-1), asks[i-2], []string{whys[1]}
		}
		if i >= 2 && i-2 < answered || answered == len(asks) {
			c.Verdict, c.Why = lessons.Met, nil
		}
		u.Outcome.Checks = append(u.Outcome.Checks, c)
	}
	u.Outcome.Met = answered == len(asks)
	return u
}

// screen is a model that is driven by hand, without a program.
type screen struct {
	*model
	t       testing.TB
	session *fakeSession
	view    *fakeView
}

// newScreen is a running lesson at a size; the commands of the model do not
// run, but those that the test asks for.
func newScreen(t testing.TB, lang string, width, height, pods int) *screen {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	m, err := newModel(ctx, Options{Lang: lang, Now: func() time.Time { return began }}, nil, nil, cancel)
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{model: m, t: t, session: newFakeSession(), view: newFakeView(pods)}
	s.send(tea.WindowSizeMsg{Width: width, Height: height})
	title := map[string]string{"en": "Service", "zh-TW": "Service 與 Pod 的位址"}[lang]
	s.send(startedMsg{running: &Running{
		Access: cluster.Access{Provider: "embedded", Name: "k8stutor", Version: "v1.36.3"}, Title: title,
		Session: s.session, View: s.view, Namespace: "tutor-service",
	}})
	s.send(lessonMsg(update(lang)))
	s.send(clusterMsg(takeSnapshot(m.running)))
	s.shellShows("$ kubectl delete pod go-api-65577fc4f9-9xkdp\r\npod \"go-api-65577fc4f9-9xkdp\" deleted\r\n$ echo 叢集\r\n叢集\r\n\x1b[32m$\x1b[0m ")
	return s
}

// send gives the model a message and returns the command.
func (s *screen) send(msg tea.Msg) tea.Cmd {
	_, cmd := s.Update(msg)
	return cmd
}

// shellShows puts output on the shell pane.
func (s *screen) shellShows(output string) {
	w, h := s.layout.shellSize()
	sc := term.NewScreen(w, h, 0, nil)
	_, _ = sc.Write([]byte(output))
	if s.shell.term == nil {
		s.shell.term = new(term.Term)
	}
	s.shell.set(shellFrame{number: s.shell.frame.number + 1, term: s.shell.term, rows: sc.Rows(0), width: w, height: h, cursor: sc.Cursor()})
}

// press gives the model keys, such as "ctrl+g", "n", "enter".
func (s *screen) press(keys ...string) []tea.Cmd {
	var out []tea.Cmd
	for _, k := range keys {
		out = append(out, s.send(keyPress(k)))
	}
	return out
}

func keyPress(name string) tea.KeyPressMsg {
	if c, ok := strings.CutPrefix(name, "alt+"); ok {
		return tea.KeyPressMsg{Code: []rune(c)[0], Mod: tea.ModAlt}
	}
	special := map[string]rune{
		"right": tea.KeyRight, "delete": tea.KeyDelete,
		"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "pgup": tea.KeyPgUp,
		"pgdown": tea.KeyPgDown, "up": tea.KeyUp, "backspace": tea.KeyBackspace, "left": tea.KeyLeft, "home": tea.KeyHome, "space": tea.KeySpace,
		"f1": tea.KeyF1, "f2": tea.KeyF2, "f10": tea.KeyF10, "f12": tea.KeyF12,
	}
	if code, ok := special[name]; ok {
		return tea.KeyPressMsg{Code: code}
	}
	if c, ok := strings.CutPrefix(name, "ctrl+"); ok {
		return tea.KeyPressMsg{Code: []rune(c)[0], Mod: tea.ModCtrl}
	}
	return tea.KeyPressMsg{Code: []rune(name)[0], Text: name}
}

// text is the screen without colours.
func (s *screen) text() string { return plain(s.frame()) }
