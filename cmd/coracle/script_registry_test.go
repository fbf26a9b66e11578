package main_test

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdRegistry is `registry NAME [-tls] [-user USER:PASSWORD] [-cut N]`: it starts Debian's
// docker-registry on the loopback, with a door in front that does what the flags
// say, and sets $NAME to its host. $WORK/NAME.log gets a line for each request:
// method, path and status. With -tls, $WORK/NAME.certs/ca.crt is the
// certificate to trust. With -cut, the connections of the first N uploads break.
func cmdRegistry(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: registry NAME [-tls] [-user USER:PASSWORD] [-cut N]")
	}
	d := &door{}
	tls := false
	name := args[0]
	for args = args[1:]; len(args) > 0; args = args[1:] {
		switch {
		case args[0] == "-tls":
			tls = true
		case args[0] == "-user" && len(args) > 1:
			d.user, args = args[1], args[1:]
		case args[0] == "-cut" && len(args) > 1:
			n, err := strconv.Atoi(args[1])
			ts.Check(err)
			d.cut, args = n, args[1:]
		default:
			ts.Fatalf("registry: %q is no flag", args[0])
		}
	}
	file, err := os.OpenFile(ts.MkAbs(name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	ts.Check(err)
	ts.Check(file.Chmod(0o644))
	d.log = file
	d.proxy = httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: startRegistry(ts, name)})
	server := httptest.NewUnstartedServer(d)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // scripts have clients that trust nobody
	if tls {
		server.StartTLS()
		certs := ts.MkAbs(name + ".certs")
		ts.Check(os.MkdirAll(certs, 0o755))
		block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
		ts.Check(os.WriteFile(filepath.Join(certs, "ca.crt"), block, 0o644))
	} else {
		server.Start()
	}
	ts.Defer(func() {
		server.CloseClientConnections()
		server.Close()
		file.Close()
	})
	ts.Setenv(name, server.Listener.Addr().String())
}

// startRegistry returns the address of a registry that ends with the script.
func startRegistry(ts *testscript.TestScript, name string) string {
	dir, err := os.MkdirTemp("", "coracle-registry-")
	ts.Check(err)
	ts.Defer(func() { os.RemoveAll(dir) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	addr := l.Addr().String()
	ts.Check(l.Close())
	conf := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}\nhttp: {addr: %s, relativeurls: true}\n", dir, addr)
	ts.Check(os.WriteFile(filepath.Join(dir, "config.yml"), []byte(conf), 0o600))
	cmd := exec.Command("docker-registry", "serve", filepath.Join(dir, "config.yml"))
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return addr
		}
	}
	ts.Fatalf("registry %s does not listen", name)
	return ""
}

// door stands before a registry.
type door struct {
	proxy http.Handler
	user  string // USER:PASSWORD that may pass, empty: everybody

	mu  sync.Mutex
	cut int // uploads that are still to break
	log *os.File
}

// cuts reports whether a request is to break.
func (d *door) cuts(q *http.Request) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cut == 0 || q.Method != http.MethodPatch {
		return false
	}
	d.cut--
	return true
}

func (d *door) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	s := &statusWriter{ResponseWriter: w, code: http.StatusOK}
	// As the client gets its answer's end, so that the line is there then.
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		fmt.Fprintf(d.log, "%s %s %d\n", q.Method, q.URL.RequestURI(), s.code)
	}()
	if d.cuts(q) {
		s.code = 0
		panic(http.ErrAbortHandler)
	}
	if name, password, ok := q.BasicAuth(); d.user != "" && (!ok || name+":"+password != d.user) {
		s.Header().Set("WWW-Authenticate", `Basic realm="t"`)
		s.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
		s.WriteHeader(http.StatusUnauthorized)
		return
	}
	q.Header.Del("Authorization")
	d.proxy.ServeHTTP(s, q)
}

type statusWriter struct {
	http.ResponseWriter
	code int
}

func (s *statusWriter) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// cmdForget is `forget FILE`: it empties a file, a registry's log.
func cmdForget(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || !strings.HasSuffix(args[0], ".log") {
		ts.Fatalf("usage: forget NAME.log")
	}
	ts.Check(os.Truncate(ts.MkAbs(args[0]), 0))
}
