package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A Request is what the engine reads from its standard input: one JSON value.
// The verb (resolve or list) is the engine's first argument.
type Request struct {
	Ref      string // image reference, as the user typed it
	Platform string `json:",omitempty"` // os/arch[/variant], "" for the host's
	Pull     Pull   `json:",omitempty"` // "" is PullMissing
	Quiet    bool   `json:",omitempty"` // no progress; notes are in the answer all the same

	// Where and how to fetch, as the flags of the same names say; "" and nil are
	// what the configuration files have.
	AuthFile        string `json:",omitempty"` // auth.json
	Creds           string `json:",omitempty"` // NAME[:PASSWORD]
	CertDir         string `json:",omitempty"` // as a directory of certs.d
	SignaturePolicy string `json:",omitempty"` // policy.json
	TLSVerify       *bool  `json:",omitempty"`
	Retry           *uint  `json:",omitempty"` // tries after a failure of the network, 3 when nil
	RetryDelay      string `json:",omitempty"` // between tries ("2s"), growing when empty

	// IDs says what becomes of files whose owners are beyond the user's ids: ""
	// makes them an error, [IDsSquash] gives them to root.
	IDs string `json:",omitempty"`

	// Scratch is a directory (created if missing) on the store's file system for
	// blobs on their way in. The engine takes a locked directory of its own below
	// it and removes those that no live process holds.
	Scratch string
}

// IDsSquash is podman's ignore_chown_errors for one pull, with a memory: files
// whose owners do not exist are root's, and the attribute user.coracle.owner
// says whose they were.
const IDsSquash = "squash"

// Pull says when an image is fetched, in podman's words.
type Pull string

// The pull policies.
const (
	PullMissing Pull = "missing" // when the store has no such image
	PullAlways  Pull = "always"  // ask the registry each time
	PullNewer   Pull = "newer"   // ask the registry; keep the local image if that fails
	PullNever   Pull = "never"   // the store only
)

// An Answer is what the engine writes to descriptor 3: one JSON value, then
// end of file. Exactly one of Record, Images and Problem is set, save that an
// empty list is a list too.
type Answer struct {
	Record *Record  `json:",omitempty"`
	Pulled bool     `json:",omitempty"` // the store was changed to answer
	Images []Listed `json:",omitempty"`
	// Notes are lines for the user's eyes: a fallback was taken. They are not on
	// standard error, so that they come once and in the caller's form.
	Notes   []string `json:",omitempty"`
	Problem *Problem `json:",omitempty"`
}

// Listed is one image of the list verb.
type Listed struct {
	ID    string
	Names []string
}

// A Problem is an engine's error: what went wrong in a form that the caller
// can print (lower-case, hint lines included) and sort by kind.
type Problem struct {
	Kind    Fault  `json:"kind"`
	Message string `json:"error"`
}

// Error returns the message.
func (p *Problem) Error() string { return p.Message }

// Is makes errors.Is(err, ErrNotFound) and its like work.
func (p *Problem) Is(target error) bool {
	k, ok := target.(Fault)
	return ok && p.Kind == k
}

// A Fault is the kind of a [Problem], and the sentinel to compare one with.
type Fault string

// Error returns the kind's word, which is fit for tests and logs, not for users.
func (k Fault) Error() string { return "image: " + string(k) }

// The kinds of problem. Compare with errors.Is.
const (
	ErrUsage       Fault = "usage"       // the request makes no sense
	ErrNotFound    Fault = "not-found"   // no such image, here or there
	ErrPlatform    Fault = "platform"    // the image exists, for other machines
	ErrAuth        Fault = "auth"        // the registry wants other credentials
	ErrNetwork     Fault = "network"     // the registry cannot be reached, or failed
	ErrCorrupt     Fault = "corrupt"     // a digest does not match, an archive is broken
	ErrPolicy      Fault = "policy"      // policy.json refuses it
	ErrUnsupported Fault = "unsupported" // a format or store we do not speak
	ErrIDs         Fault = "ids"         // the image needs ids that are not mapped
	ErrSpace       Fault = "space"       // disk full or quota reached
	ErrStore       Fault = "store"       // the image store cannot be used
	ErrInternal    Fault = "internal"    // anything else
)

// maxAnswer bounds what is read from an engine; a list of 10,000 images fits.
const maxAnswer = 16 << 20

// ReadAnswer reads the engine's answer to its end. A [Problem] in it is
// returned as the error, beside the answer with its notes. An engine that died
// without a word is an error that says so.
func ReadAnswer(r io.Reader) (*Answer, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read the image engine's answer: %w", err)
	case len(data) == 0:
		return nil, errors.New("the image engine ended without an answer")
	case len(data) > maxAnswer:
		return nil, fmt.Errorf("the image engine's answer is larger than %d bytes", maxAnswer)
	}
	a := new(Answer)
	if err := json.Unmarshal(data, a); err != nil {
		return nil, fmt.Errorf("cannot read the image engine's answer: %w", err)
	}
	if a.Problem != nil {
		return a, a.Problem
	}
	if a.Record != nil {
		if err := a.Record.check(); err != nil {
			return nil, fmt.Errorf("the image engine's answer makes no sense: %w", err)
		}
	}
	return a, nil
}
