// Package imagelist turns the images of a store into the rows of `coracle images`
// and prints its usual forms: the table, and ids alone. Both programs have it: the
// light one prints from a catalog (storage/record), the engine from the store.
package imagelist

import (
	"strings"
	"time"

	"coracle/cmd/internal/text"
	"coracle/storage/record"
)

// Row is one line of the list: a name of an image, or an image without names.
// Its fields and methods are what --format may ask for; the names are podman's
// and docker's.
type Row struct {
	Repository string
	Tag        string
	Size       string // human
	Digest     string // of the manifest
	ReadOnly   bool

	entry   *record.Entry
	now     time.Time
	noTrunc bool
}

// none stands for what is not there.
const none = "<none>"

// ID is shortened unless --no-trunc.
func (r *Row) ID() string {
	if r.noTrunc {
		return "sha256:" + r.entry.ID
	}
	return text.ShortID(r.entry.ID)
}

// Id is for those who learned it from inspect.
func (r *Row) Id() string { return r.entry.ID } //nolint:revive,staticcheck // a template field's name

// Created is the age in words, as CreatedSince.
func (r *Row) Created() string { return r.CreatedSince() }

// CreatedSince is the age in words.
func (r *Row) CreatedSince() string { return text.Age(r.entry.Created, r.now) }

// CreatedAt is the time of creation, as podman prints it.
func (r *Row) CreatedAt() string { return r.entry.Created.String() }

// CreatedTime is CreatedAt.
func (r *Row) CreatedTime() string { return r.CreatedAt() }

// VirtualSize is docker's old name of Size.
func (r *Row) VirtualSize() string { return r.Size }

// SharedSize and UniqueSize need a look at all layers: system df tells them.
func (r *Row) SharedSize() string { return "N/A" }

// UniqueSize: see SharedSize.
func (r *Row) UniqueSize() string { return "N/A" }

// ParentID is the id of the image that this one was built on.
func (r *Row) ParentID() string { return r.entry.Parent }

// Labels of the image.
func (r *Row) Labels() map[string]string { return r.entry.Labels }

// Label is one of them.
func (r *Row) Label(key string) string { return r.entry.Labels[key] }

// Names are all names of the image.
func (r *Row) Names() []string { return r.entry.Names }

// RepoTags are all names of the image with a tag.
func (r *Row) RepoTags() []string { return RepoTags(r.entry) }

// RepoDigests are all its names with a digest.
func (r *Row) RepoDigests() []string { return RepoDigests(r.entry) }

// Dangling says that the image has no name.
func (r *Row) Dangling() bool { return r.entry.Dangling() }

// History is the names that the image had.
func (r *Row) History() string { return strings.Join(r.entry.History, ", ") }

// Entry is the image.
func (r *Row) Entry() *record.Entry { return r.entry }

// Split takes a name apart; without a tag it is "<none>", a digest too.
func Split(name string) (repository, tag string) {
	if repo, _, ok := strings.Cut(name, "@"); ok {
		return repo, none
	}
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		return name[:i], name[i+1:]
	}
	return name, none
}

// RepoTags are the image's names that have a tag.
func RepoTags(e *record.Entry) []string {
	tags := []string{}
	for _, name := range e.Names {
		if _, tag := Split(name); tag != none {
			tags = append(tags, name)
		}
	}
	return tags
}

// RepoDigests are the image's repositories, each with each of its digests.
func RepoDigests(e *record.Entry) []string {
	digests := []string{}
	seen := make(map[string]bool)
	for _, name := range e.Names {
		repo, _ := Split(name)
		for _, d := range e.Digests {
			if full := repo + "@" + d; !seen[full] {
				seen[full] = true
				digests = append(digests, full)
			}
		}
	}
	return digests
}

// JSON is docker's form of a row, for {{json .}}.
func (r *Row) JSON() any {
	return map[string]any{
		"Containers": "N/A", "CreatedAt": r.CreatedAt(), "CreatedSince": r.CreatedSince(), "Digest": r.Digest,
		"ID": r.ID(), "Repository": r.Repository, "Tag": r.Tag, "Size": r.Size, "VirtualSize": r.Size,
		"SharedSize": r.SharedSize(), "UniqueSize": r.UniqueSize(),
	}
}
