package launcher

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"coracle/launcher/plan"
	"coracle/userns/tape"
)

// Exit statuses of the program itself, as docker has them: the launch failed,
// the command cannot be invoked, the command was not found.
const (
	ExitFailed       = 125
	ExitCannotInvoke = 126
	ExitNotFound     = 127

	// exitStack is what a supervisor says when the root file system cannot be
	// mounted; the caller makes 125 of it.
	exitStack = 1
	// exitBase is what it says for [errOtherBase].
	exitBase = 2
)

// CommandError says that a container was made but its command could not be
// executed. Code is [ExitCannotInvoke] or [ExitNotFound].
type CommandError struct {
	Code    int
	Command string
	Err     error
	// text is the whole message when it was made elsewhere.
	text string
}

func (e *CommandError) Error() string {
	if e.text != "" {
		return e.text
	}
	if e.Code == ExitNotFound {
		return fmt.Sprintf("cannot run %q: not found in the container", e.Command)
	}
	return fmt.Sprintf("cannot run %q in the container: %v", e.Command, e.Err)
}

// Unwrap gives the reason.
func (e *CommandError) Unwrap() error { return e.Err }

// explain turns a failed operation into an error for people: what it was for
// first, the system call for those who can use it, and what usually helps.
func explain(err error) error {
	var oe *tape.OpError
	if !errors.As(err, &oe) {
		return err
	}
	why := oe.Op.Why
	if why == "" {
		why = "operation " + oe.Op.Call.String()
	}
	text := fmt.Sprintf("cannot start the container: %s: %v\n  operation: %s", why, oe.Errno, oe.Op)
	if fix := fixes(oe); fix != "" {
		text += "\n  fix: " + fix
	}
	return &launchError{text, oe}
}

type launchError struct {
	text string
	err  error
}

func (e *launchError) Error() string { return e.text }
func (e *launchError) Unwrap() error { return e.err }

// stackFailed tells a root file system that cannot be mounted from other
// failures: there may be another way to make it.
func stackFailed(err error) bool {
	var oe *tape.OpError
	return errors.As(err, &oe) && strings.HasPrefix(oe.Op.Why, plan.StackWhy)
}

// fixes says what usually helps against the failure of a kind of operation.
func fixes(oe *tape.OpError) string {
	switch {
	case oe.Errno == unix.ENOSYS:
		return "Linux 5.12 or newer is needed, and a surrounding container must allow the call"
	case oe.Errno == unix.ELOOP:
		return "the path must not lead through a symbolic link in the image"
	case oe.Op.Call == tape.OpenTree && oe.Errno == unix.ENOENT:
		return "create the path on the host, or correct it"
	case strings.HasPrefix(oe.Op.Why, plan.StackWhy):
		return "coracle doctor   (does overlay work on the store's file system?)"
	case oe.Op.Call == tape.Fchdir && oe.Errno == unix.EACCES:
		return "another --workdir, or a user who may enter it"
	case oe.Op.Call == tape.Prlimit64 && oe.Errno == unix.EPERM:
		return "a limit cannot exceed the hard limit of the calling user; lower it"
	case oe.Errno == unix.EPERM || oe.Errno == unix.EACCES:
		return "coracle doctor"
	}
	return ""
}

// explainCommand tells a command that cannot be executed from a launch that
// failed. The search along PATH reports its last try; one that found something
// which cannot be executed counts before it, as in a shell.
// root is a path to the container's root.
func explainCommand(ops []tape.Op, root string, err error) error {
	var oe *tape.OpError
	if !errors.As(err, &oe) || (oe.Op.Call != tape.Execve && oe.Op.Call != tape.Execveat) {
		return explain(err)
	}
	if oe.Op.Call == tape.Execveat {
		return explain(err)
	}
	name := cstring(oe.Op.Args[1].Blob.Refs[0].Blob.Data)
	code := ExitCannotInvoke
	if oe.Errno == unix.ENOENT || oe.Errno == unix.ENOTDIR {
		code = ExitNotFound
		for _, op := range ops {
			if op.Call == tape.Execve && denied(root, cstring(op.Args[0].Blob.Data)) {
				return &CommandError{Code: ExitCannotInvoke, Command: name, Err: unix.EACCES}
			}
		}
	}
	return &CommandError{Code: code, Command: name, Err: oe.Errno}
}

// denied tells whether path is a file in the container's root that nobody may
// execute.
func denied(rootPath, path string) bool {
	root, err := unix.Open(rootPath, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(root)
	fd, err := unix.Openat2(root, path, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS})
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && (st.Mode&unix.S_IFMT != unix.S_IFREG || st.Mode&0o111 == 0)
}

func cstring(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}
