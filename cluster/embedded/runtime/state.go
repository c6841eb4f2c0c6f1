package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// saveJSON writes a record so that a crash leaves the old or the new one.
func saveJSON(path string, record any) error {
	data, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("save %s: %w", path, err)
	}
	temp := path + ".new"
	if err := os.WriteFile(temp, data, 0o600); err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	return os.Rename(temp, path)
}

// load reads the records of an earlier process. What can't be read is removed:
// the kubelet makes new containers for the Pods that the API server knows.
func (r *Runtime) load() error {
	for id, data := range records(filepath.Join(r.cfg.StateDir, "sandboxes"), "sandbox.json") {
		s := &sandbox{dir: filepath.Join(r.cfg.StateDir, "sandboxes", id)}
		if json.Unmarshal(data, &s.sandboxRecord) != nil || s.ID != id || s.Config == nil {
			if err := os.RemoveAll(s.dir); err != nil {
				return err
			}
			continue
		}
		r.sandboxes[id] = s
	}
	for id, data := range records(filepath.Join(r.cfg.StateDir, "containers"), "container.json") {
		c := newContainer(r, containerRecord{}, filepath.Join(r.cfg.StateDir, "containers", id))
		if json.Unmarshal(data, &c.containerRecord) != nil || c.ID != id || c.Config == nil || r.sandboxes[c.SandboxID] == nil {
			if err := os.RemoveAll(c.dir); err != nil {
				return err
			}
			continue
		}
		if c.State != runtimeapi.ContainerState_CONTAINER_EXITED {
			c.State = runtimeapi.ContainerState_CONTAINER_EXITED
			c.FinishedAt = time.Now().UnixNano()
			c.ExitCode = exitLost
			c.Reason = "Unknown"
			if err := saveJSON(c.recordPath(), c.containerRecord); err != nil {
				return err
			}
		}
		close(c.done)
		r.containers[id] = c
	}
	return nil
}

// exitLost is the exit code of a container that ended unseen, as containerd
// reports it.
const exitLost = 255

// records reads the named file of every folder in dir; one without it counts as
// empty, so that it is removed.
func records(dir, name string) map[string][]byte {
	found := map[string][]byte{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return found
	}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(dir, entry.Name(), name))
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			found[entry.Name()] = data
		}
	}
	return found
}
