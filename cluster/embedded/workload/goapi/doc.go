// Package goapi is go-api, the app of the lessons: a small HTTP server that
// says who it is, and that fails in every way a lesson wants to show. The same
// program runs inside the embedded cluster and in the image that kind loads.
//
// # Paths
//
//	GET  /             go-api 0.0.1 from <hostname>; JSON with "Accept: application/json"
//	GET  /version      the version alone
//	GET  /healthz      200 ok, or 500 with the reason (liveness)
//	GET  /readyz       200 ok, or 503 with the reason (readiness)
//	GET  /work?ms=100  uses that much CPU time, at most 60000 ms, then answers
//	GET  /env?name=X   the value of X, so that a ConfigMap can be seen from outside
//	GET  /crash        logs a cause and ends the process with exit code 1
//	POST /fail?mode=M  changes the failing mode while running ("none" ends it)
//
// # Settings
//
// Each can be given as an environment variable or as an argument
// (`--fail=memory`); the argument wins. Durations are like 500ms, 10s, 2m, or
// plain seconds; sizes are like 10Mi.
//
//	variable        argument          default  meaning
//	PORT            --port            8080     TCP port
//	REQUIRED_ENV    --required-env    -        names, comma separated: ends with exit code 1 and a clear log line when one is not set
//	START_DELAY     --start-delay     0        listens at once, /readyz is 503 until then
//	LISTEN_DELAY    --listen-delay    0        the port is closed until then (connection refused)
//	RESPONSE_DELAY  --response-delay  0        waits before each answer of / and /work
//	SHUTDOWN_DELAY  --shutdown-delay  0        after TERM goes on answering so long, not ready any more, before it stops
//	SHUTDOWN_GRACE  --shutdown-grace  20s      how long open requests may take after that
//	MEMORY          --memory          0        bytes held from the start
//	LOG_PROBES      --log-probes      false    also log answers 200 of /healthz and /readyz
//	FAIL            --fail            none     failing mode, see below
//	FAIL_AFTER      --fail-after      0        the mode begins so long after the start
//	FAIL_EXIT_CODE  --fail-exit-code  1        exit code of crash
//
// # Failing modes
//
//	none         works
//	config       ends at the start with exit code 1: configuration can't be read
//	crash        logs a cause (a database that refuses connections) and ends with FAIL_EXIT_CODE
//	exit         ends with exit code 0, as a job that is done
//	panic        a Go panic with its stack, exit code 2
//	memory       takes 8 MiB more every 100 ms until the kernel kills it (OOMKilled, 137)
//	cpu          keeps one core busy for as long as it lives
//	not-ready    /readyz answers 503: out of the endpoints, not restarted
//	unhealthy    /healthz answers 500: restarted by its liveness probe
//	hang         accepts connections and answers nothing, probes included
//	slow         every answer takes 5 s
//	error        / answers 500
//	flaky        every third answer of / is 500
//	ignore-term  takes no notice of TERM and is killed after the grace period
//
// A container that has no FAIL_AFTER fails from the first moment. On TERM the
// app stops being ready, waits SHUTDOWN_DELAY, refuses new connections, lets
// open requests finish, and ends with exit code 0.
package goapi
