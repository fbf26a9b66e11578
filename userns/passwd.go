package userns

import "bytes"

// account is the name and the number of a line of passwd(5) or group(5).
type account struct {
	name []byte
	id   uint32
}

// accounts calls f with each line until it returns false. Lines without a
// number in the third field are passed over.
func accounts(text []byte, f func(account) bool) {
	for line := range bytes.Lines(text) {
		name, rest, _ := bytes.Cut(line, []byte{':'})
		_, rest, _ = bytes.Cut(rest, []byte{':'})
		field, _, ok := bytes.Cut(rest, []byte{':'})
		id, number := parseID(field)
		if ok && number && !f(account{name, id}) {
			return
		}
	}
}

// userName returns the name of the first line of passwd(5) with this uid, as
// getpwuid(3) does; "" when there is none.
func userName(passwd []byte, uid uint32) (name string) {
	accounts(passwd, func(a account) bool {
		if a.id == uid && plainName(a.name) {
			name = string(a.name)
		}
		return name == ""
	})
	return name
}

// userID returns the uid of a name; false when the file does not know it.
func userID(passwd []byte, name string) (uid uint32, found bool) {
	accounts(passwd, func(a account) bool {
		if string(a.name) == name {
			uid, found = a.id, true
		}
		return !found
	})
	return uid, found
}

// plainName tells whether a name can be shown, given to a program as an
// argument and pasted into a shell. Directory names may hold '@', '.' and,
// from Active Directory, a backslash, which has to be quoted.
func plainName(name []byte) bool {
	if len(name) == 0 || len(name) > 256 || name[0] == '-' || name[0] == '+' {
		return false
	}
	for _, c := range name {
		if c <= ' ' || c == 0x7f || c == ':' || c == '\'' {
			return false
		}
	}
	return true
}
