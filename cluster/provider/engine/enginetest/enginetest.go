// Package enginetest stands in for container engines in tests.
package enginetest

import (
	"os"
	"path/filepath"
	"testing"
)

// Install puts programs of these names, with these scripts, alone on PATH.
func Install(t *testing.T, scripts map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
}
