package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
)

// registry is a docker-registry of this benchmark's own, on the loopback, without
// TLS.
type registry struct {
	address string // host:port
	files   string // where it keeps its blobs
}

// repository is the name of the images in it.
const repository = "debian"

func (r registry) reference(tag string) string { return r.address + "/" + repository + ":" + tag }

// blobURL is where a blob is fetched from.
func (r registry) blobURL(digest string) string {
	return "http://" + r.address + "/v2/" + repository + "/blobs/" + digest
}

// startRegistry starts a registry with its files in dir, as a child of this
// process, and waits until it answers.
func startRegistry(ctx context.Context, dir string, w *world) (registry, error) {
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		return registry{}, fmt.Errorf("no registry to pull from: %w\n  fix: sudo apt-get install docker-registry", err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return registry{}, err
	}
	r := registry{address: free.Addr().String(), files: filepath.Join(dir, "files")}
	free.Close()
	config := fmt.Sprintf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %q}}\nhttp: {addr: %q}\n", r.files, r.address)
	file := filepath.Join(dir, "registry.yml")
	if err := errors.Join(os.MkdirAll(r.files, 0o755), os.WriteFile(file, []byte(config), 0o644)); err != nil {
		return r, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return r, err
	}
	defer null.Close()
	p, err := os.StartProcess(program, []string{program, "serve", file}, &os.ProcAttr{Dir: dir, Env: w.env(), Files: []*os.File{null, null, null}})
	if err != nil {
		return r, err
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		answer, err := http.Get("http://" + r.address + "/v2/")
		if err == nil {
			answer.Body.Close()
			return r, nil
		}
		if ctx.Err() != nil || time.Now().After(end) {
			_ = p.Kill()
			_, _ = p.Wait()
			return r, fmt.Errorf("the registry does not answer: %w", err)
		}
	}
}

// push sends every image of a layout.
func (r registry) push(ctx context.Context, layout string) error {
	var index imgspec.Index
	if err := readJSON(filepath.Join(layout, imgspec.ImageIndexFile), &index); err != nil {
		return err
	}
	sent := map[string]bool{}
	for _, d := range index.Manifests {
		var m imgspec.Manifest
		if err := readJSON(blobPath(layout, d.Digest), &m); err != nil {
			return err
		}
		for _, blob := range append([]imgspec.Descriptor{m.Config}, m.Layers...) {
			if !sent[blob.Digest.String()] {
				if err := r.pushBlob(ctx, layout, blob); err != nil {
					return fmt.Errorf("cannot push %s: %w", blob.Digest, err)
				}
				sent[blob.Digest.String()] = true
			}
		}
		tag := "http://" + r.address + "/v2/" + repository + "/manifests/" + d.Annotations[imgspec.AnnotationRefName]
		if _, err := send(ctx, http.MethodPut, tag, d.MediaType, blobPath(layout, d.Digest)); err != nil {
			return fmt.Errorf("cannot push %s: %w", tag, err)
		}
	}
	return nil
}

// pushBlob uploads in one piece: distribution-spec, "POST then PUT".
func (r registry) pushBlob(ctx context.Context, layout string, d imgspec.Descriptor) error {
	answer, err := send(ctx, http.MethodPost, "http://"+r.address+"/v2/"+repository+"/blobs/uploads/", "", "")
	if err != nil {
		return err
	}
	to, err := url.Parse(answer.Header.Get("Location"))
	if err != nil {
		return err
	}
	query := to.Query()
	query.Set("digest", d.Digest.String())
	to.Scheme, to.Host, to.RawQuery = "http", r.address, query.Encode()
	_, err = send(ctx, http.MethodPut, to.String(), "application/octet-stream", blobPath(layout, d.Digest))
	return err
}

// send makes a request with a file as its body, or none.
func send(ctx context.Context, method, to, mediaType, file string) (*http.Response, error) {
	var body io.Reader
	var size int64
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		fi, err := f.Stat()
		if err != nil {
			return nil, err
		}
		body, size = f, fi.Size()
	}
	request, err := http.NewRequestWithContext(ctx, method, to, body)
	if err != nil {
		return nil, err
	}
	request.ContentLength = size
	if mediaType != "" {
		request.Header.Set("Content-Type", mediaType)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 1000))
		return nil, fmt.Errorf("%s: %s", answer.Status, text)
	}
	return answer, nil
}
