# tunnel.sh TARGET PORT REQUESTS: opens `kubectl port-forward` to a Pod or a
# Service on a free local port, sends so many requests for / through it, prints
# the Pods that answered, one a line, and closes it again.
target=$1 port=$2 requests=$3
dir=$(mktemp -d)
: >"$dir/log"
kubectl port-forward "$target" ":$port" >"$dir/log" 2>&1 &
tunnel=$!
trap 'kill "$tunnel" 2>/dev/null || true; wait "$tunnel" 2>/dev/null || true; rm -rf "$dir"' EXIT
until grep -q '^Forwarding from 127' "$dir/log"; do
  kill -0 "$tunnel" || { cat "$dir/log" >&2; exit 1; }
  sleep 0.1
done
address=$(sed -n 's/^Forwarding from \(127[^ ]*\) .*/\1/p' "$dir/log" | head -n 1)
while [ "$requests" -gt 0 ]; do
  sh solution/who.sh "$address" || true
  requests=$((requests - 1))
done
