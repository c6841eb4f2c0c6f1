# free-port.sh: makes go-api a NodePort Service at the first port from 30080 on
# that nobody has yet: ports belong to the whole cluster.
port=30080
until kubectl patch service go-api \
  -p "{\"spec\": {\"type\": \"NodePort\", \"ports\": [{\"port\": 80, \"nodePort\": $port}]}}"; do
  port=$((port + 1))
  test "$port" -le 30085
done
