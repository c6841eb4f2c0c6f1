# who.sh ADDRESS: asks go-api at http://ADDRESS/ and prints the name of the Pod
# that answered; nothing and exit code 1 when none did.
#
# kubectl makes the request, as curl is not on every machine: `get --raw`
# against another server is a plain GET, and go-api answers it with JSON.
KUBECONFIG=/dev/null kubectl --server="http://$1" get --raw / 2>/dev/null |
  sed -n 's/.*"hostname":"\([^"]*\)".*/\1/p' | grep .
