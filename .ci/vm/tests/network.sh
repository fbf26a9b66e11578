# users: root
# The network of a user's container on a desktop: names by the stub of
# systemd-resolved, a far side beyond the host, published ports.
. ./lib.sh
can_run
has '^nameserver 127.0.0.53$' cat /etc/resolv.conf
has '^crw-rw-rw-' ls -l /dev/net/tun # where nobody has used it yet, too

trap 'as stock coracle rm -f -t 0 -a; [ -z "${world-}" ] || kill $world' EXIT
# The rest of the world, 192.0.2.1, behind an interface of the host.
unshare --net sleep 6000 &
world=$!
until_true bash -c "[ \$(readlink /proc/$world/ns/net) != $(readlink /proc/self/ns/net) ]"
ip link add far type veth peer name eth0 netns $world
ip addr add 192.0.2.2/24 dev far
ip link set far up
ip route add default via 192.0.2.1
inside="nsenter --net=/proc/$world/ns/net"
$inside ip addr add 192.0.2.1/24 dev eth0
$inside ip link set eth0 up
mkdir -p /var/tmp/web
echo far >/var/tmp/web/index.html
$inside busybox httpd -p 80 -h /var/tmp/web

as stock coracle run --rm oci-archive:/usr/local/share/base.oci.tar true
net=(as stock coracle run --rm --network slirp coracle/base)
echo "a name that the stub alone knows, and what it belongs to"
has '^Address: 192.0.2.1$' "${net[@]}" nslookup world.test
has '^far$' "${net[@]}" wget -q -O - http://world.test/
fails 1 "can't resolve|NXDOMAIN|can't find" "${net[@]}" nslookup nobody.test
echo "the host is closed"
busybox httpd -p 8081 -h /var/tmp/web
fails 1 'refused|timed out|unreachable|reset' "${net[@]}" wget -q -O - http://192.0.2.2:8081/

echo "a published port outlives the session that it was asked in"
as stock coracle run -q -d --name web -p 8080:80 -v /var/tmp/web:/www:ro coracle/base httpd -f -p 80 -h /www
until_true busybox wget -q -O - http://127.0.0.1:8080/
has '^far$' busybox wget -q -O - http://127.0.0.1:8080/
has '^far$' $inside busybox wget -q -O - http://192.0.2.2:8080/
has '^0.0.0.0:8080$' as stock coracle port web 80
as stock coracle rm -f -t 0 web
fails 1 'refused' busybox wget -q -O - http://127.0.0.1:8080/
