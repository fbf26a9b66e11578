//go:build containers_image_openpgp

package images

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"time"

	imgspec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/storage"

	"coracle/storage/engine"
	"coracle/storage/engine/imageconf"
	"coracle/storage/record"
)

// Inspected is all about an image, in the fields of `podman image inspect` and of
// `docker image inspect`.
type Inspected struct {
	Id            string //nolint:revive,staticcheck // the name that clients ask for
	Digest        string
	RepoTags      []string
	RepoDigests   []string
	Parent        string
	Comment       string
	Created       time.Time
	Config        *imageconf.Config
	Container     string `json:",omitempty"`
	DockerVersion string
	Version       string
	Author        string
	Architecture  string
	Variant       string `json:",omitempty"`
	Os            string
	OsVersion     string `json:",omitempty"`
	Size          int64
	VirtualSize   int64
	GraphDriver   GraphDriver
	RootFS        RootFS
	Metadata      Metadata
	Labels        map[string]string
	Annotations   map[string]string
	ManifestType  string
	User          string
	History       []imgspec.History
	NamesHistory  []string
	HealthCheck   json.RawMessage `json:"Healthcheck,omitempty"`
	ReadOnly      bool            `json:",omitempty"`
}

// GraphDriver says where an image lies.
type GraphDriver struct {
	Name string
	Data map[string]string
}

// RootFS lists an image's layers by their diff ids, the lowest first.
type RootFS struct {
	Type   string
	Layers []string
}

// Metadata is docker's; the store does not note when a name was given.
type Metadata struct{ LastTagTime time.Time }

// ID is Id, for templates.
func (i *Inspected) ID() string { return i.Id }

// Healthcheck is HealthCheck under docker's name, for templates.
func (i *Inspected) Healthcheck() json.RawMessage { return i.HealthCheck }

// Inspect reads all about an image. all tells its parent.
func Inspect(s *engine.Store, img *storage.Image, all *record.Catalog) (*Inspected, error) {
	content, err := Read(s, img)
	if err != nil {
		return nil, err
	}
	set, err := layersByID(s)
	if err != nil {
		return nil, err
	}
	c := &content.Config
	i := &Inspected{
		Id: img.ID, Digest: img.Digest.String(), RepoTags: []string{}, RepoDigests: []string{},
		Comment: c.Comment, Created: img.Created.UTC(), Config: &c.Config, Author: c.Author,
		Architecture: c.Architecture, Variant: c.Variant, Os: c.OS, OsVersion: c.OSVersion,
		Size: set.size(img), RootFS: RootFS{Type: c.RootFS.Type, Layers: []string{}},
		Labels: c.Config.Labels, Annotations: content.Annotations, ManifestType: content.MIMEType,
		User: c.Config.User, History: c.History, NamesHistory: img.NamesHistory, HealthCheck: c.Config.Healthcheck,
		GraphDriver: set.driver(s, img), ReadOnly: img.ReadOnly,
	}
	if c.Created != nil {
		i.Created = c.Created.UTC()
	}
	i.VirtualSize = i.Size
	for _, d := range c.RootFS.DiffIDs {
		i.RootFS.Layers = append(i.RootFS.Layers, d.String())
	}
	i.names(img)
	i.docker(content.Raw)
	for k := range all.Images {
		if all.Images[k].ID == img.ID {
			i.Parent = all.Images[k].Parent
		}
	}
	return i, nil
}

func (i *Inspected) names(img *storage.Image) {
	seen := make(map[string]bool)
	for _, name := range img.Names {
		repo := withoutTag(name)
		if !strings.Contains(name, "@") && repo != name {
			i.RepoTags = append(i.RepoTags, name)
		}
		for _, d := range img.Digests {
			if full := repo + "@" + d.String(); !seen[full] {
				seen[full] = true
				i.RepoDigests = append(i.RepoDigests, full)
			}
		}
	}
	if i.Annotations == nil {
		i.Annotations = map[string]string{}
	}
}

// docker takes in what docker writes into a configuration besides.
func (i *Inspected) docker(raw json.RawMessage) {
	var more struct {
		DockerVersion string `json:"docker_version"`
		Container     string `json:"container"`
	}
	if json.Unmarshal(raw, &more) == nil { // else a field has another type: then it is not docker's
		i.DockerVersion, i.Version, i.Container = more.DockerVersion, more.DockerVersion, more.Container
	}
}

// driver names the layers' directories, as podman does.
func (l *layerSet) driver(s *engine.Store, img *storage.Image) GraphDriver {
	d := GraphDriver{Name: s.GraphDriverName(), Data: map[string]string{}}
	var lower []string
	for n, layer := range l.of(img) {
		dir := filepath.Join(s.GraphRoot(), d.Name, layer.ID)
		if n == 0 {
			d.Data["UpperDir"], d.Data["WorkDir"] = filepath.Join(dir, "diff"), filepath.Join(dir, "work")
			continue
		}
		lower = append(lower, filepath.Join(dir, "diff"))
	}
	if lower != nil {
		d.Data["LowerDir"] = strings.Join(lower, ":")
	}
	return d
}
