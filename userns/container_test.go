package userns

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// rootGrant is the grant of real root, without files in /etc.
func rootGrant() Grant {
	two := IDMap{{0, 0, 1}, {1, 1, maxID - 1}}
	return Grant{User: "root", Source: SourceRoot, Direct: true, UIDs: two, GIDs: two, etc: "/nonexistent"}
}

// innerRoot is the grant of root in a container of 65537 ids in two extents.
func innerRoot() Grant {
	m := IDMap{{0, 0, 1}, {1, 1, 65536}}
	return Grant{User: "root", Source: SourceRoot, Direct: true, UIDs: m, GIDs: m, etc: "/nonexistent"}
}

func uneven() Grant {
	g := anaGrant()
	g.GIDs = IDMap{{0, 1000, 1}, {1, 200000, 10}, {11, 300000, 100}}
	return g
}

func TestContainer(t *testing.T) {
	const base = "0 0 1, 1 1 65536"
	const keep1000 = "0 1 1000, 1000 0 1, 1001 1001 64536"
	for _, c := range []struct {
		name       string
		g          Grant
		r          Request
		uids, gids string
	}{
		{"default", anaGrant(), Request{}, base, base},
		{"private", anaGrant(), Request{Mode: "private"}, base, base},
		{"default, groups of their own", uneven(), Request{}, base, "0 0 1, 1 1 10, 11 11 100"},
		{"default as root", rootGrant(), Request{}, "0 0 1, 1 1 4294967294", "0 0 1, 1 1 4294967294"},
		{"default, one id", anaGrant().AsSingle(), Request{}, "0 0 1", "0 0 1"},

		{"keep-id", anaGrant(), Request{Mode: "keep-id"}, keep1000, keep1000},
		{"keep-id, other ids", anaGrant(), Request{Mode: "keep-id:uid=0,gid=5"}, base, "0 1 5, 5 0 1, 6 6 65531"},
		{"keep-id beyond the range", anaGrant(), Request{Mode: "keep-id:uid=70000"}, "0 1 65536, 70000 0 1", keep1000},
		{"keep-id, the last id", anaGrant(), Request{Mode: "keep-id:uid=65536"}, "0 1 65536, 65536 0 1", keep1000},
		{"keep-id with a size", anaGrant(), Request{Mode: "keep-id:size=65536"}, "0 1 1000, 1000 0 1, 1001 1001 64535", "0 1 1000, 1000 0 1, 1001 1001 64535"},
		{"keep-id smaller than the id", anaGrant(), Request{Mode: "keep-id:size=100"}, "0 1 99, 1000 0 1", "0 1 99, 1000 0 1"},
		{"keep-id, size 1", anaGrant(), Request{Mode: "keep-id:size=1"}, "1000 0 1", "1000 0 1"},
		{"keep-id, ranges in pieces", uneven(), Request{Mode: "keep-id:gid=20"}, keep1000, "0 1 10, 10 11 10, 20 0 1, 21 21 90"},
		{"keep-id, one id", anaGrant().AsSingle(), Request{Mode: "keep-id"}, "1000 0 1", "1000 0 1"},
		{"keep-id, one id whatever the size", anaGrant().AsSingle(), Request{Mode: "keep-id:size=65536"}, "1000 0 1", "1000 0 1"},
		{"keep-id as root", rootGrant(), Request{Mode: "keep-id"}, "0 0 1, 1 1 4294967294", "0 0 1, 1 1 4294967294"},
		{"keep-id as root under another id", innerRoot(), Request{Mode: "keep-id:uid=7"}, "0 1 7, 7 0 1, 8 8 65529", base},

		{"nomap", anaGrant(), Request{Mode: "nomap"}, "0 1 65536", "0 1 65536"},
		{"nomap, ranges in pieces", uneven(), Request{Mode: "nomap"}, "0 1 65536", "0 1 10, 10 11 100"},

		{"auto", anaGrant(), Request{Mode: "auto"}, "0 1 1024", "0 1 1024"},
		{"auto, size of the image", anaGrant(), Request{Mode: "auto", ImageMaxUID: 1999, ImageMaxGID: 1500}, "0 1 2000", "0 1 2000"},
		{"auto, a small image", anaGrant(), Request{Mode: "auto", ImageMaxUID: 1}, "0 1 1024", "0 1 1024"},
		{"auto, size asked for", anaGrant(), Request{Mode: "auto:size=10", ImageMaxUID: 1999}, "0 1 10", "0 1 10"},
		{"auto beside others", anaGrant(), Request{Mode: "auto:size=10", Taken: []Maps{
			{UIDs: IDMap{{0, 1, 10}}, GIDs: IDMap{{0, 1, 20}}}, {UIDs: IDMap{{0, 15, 10}}, GIDs: IDMap{{0, 31, 10}}}, {Host: true}}},
			"0 25 10", "0 21 10"},
		{"auto in the first gap", anaGrant(), Request{Mode: "auto:size=5", Taken: []Maps{
			{UIDs: IDMap{{0, 6, 10}}, GIDs: IDMap{{0, 3, 10}}}}}, "0 1 5", "0 13 5"},
		{"auto, the last ids", anaGrant(), Request{Mode: "auto:size=65536"}, "0 1 65536", "0 1 65536"},
		{"auto in pieces when there is no gap", uneven(), Request{Mode: "auto:size=60", Taken: []Maps{{GIDs: IDMap{{0, 50, 10}}}}},
			"0 1 60", "0 1 10, 10 11 39, 49 60 11"},
		{"auto with pinned ids", anaGrant(), Request{Mode: "auto:size=10,uidmapping=3:0:1,uidmapping=7:1:1,gidmapping=500:@1000"},
			"0 2 3, 3 0 1, 4 5 3, 7 1 1, 8 8 2", "0 1 10, 500 0 1"},
		{"auto as root", rootGrant(), Request{Mode: "auto"}, "0 2147483648 1024", "0 2147483648 1024"},
		{"auto as a container's root", innerRoot(), Request{Mode: "auto"}, "0 1 1024", "0 1 1024"},

		{"uidmap stands for gidmap", anaGrant(), Request{UIDMap: []string{"0:0:1", "1:100:10"}}, "0 0 1, 1 100 10", "0 0 1, 1 100 10"},
		{"gidmap stands for uidmap", anaGrant(), Request{Mode: "private", GIDMap: []string{"0:5:10"}}, "0 5 10", "0 5 10"},
		{"both", anaGrant(), Request{UIDMap: []string{"0:0:1"}, GIDMap: []string{"5:1:2"}}, "0 0 1", "5 1 2"},
		{"size 1 when left out", anaGrant(), Request{UIDMap: []string{"7:3"}}, "7 3 1", "7 3 1"},
		{"commas", anaGrant(), Request{UIDMap: []string{"0:0,1:5:2"}}, "0 0 1, 1 5 2", "0 0 1, 1 5 2"},
		{"sorted and cut at the base's extents", anaGrant(), Request{UIDMap: []string{"100:10:2", "0:0:5"}}, "0 0 1, 1 1 4, 100 10 2", "0 0 1, 1 1 4, 100 10 2"},
		{"host ids", anaGrant(), Request{UIDMap: []string{"0:@1000", "1:@100005:10"}}, "0 0 1, 1 6 10", "0 0 1, 1 6 10"},
		{"for one kind", anaGrant(), Request{UIDMap: []string{"u0:0:1"}}, "0 0 1", base},
		{"for one kind beside both", anaGrant(), Request{GIDMap: []string{"0:0:10", "g50:20:1"}}, "0 0 1, 1 1 9", "0 0 1, 1 1 9, 50 20 1"},
		{"both letters", anaGrant(), Request{UIDMap: []string{"ug0:0:1"}}, "0 0 1", "0 0 1"},
		{"extending nothing fills up", anaGrant(), Request{UIDMap: []string{"+1000:0:1"}}, keep1000, keep1000},
		{"extending what is there", anaGrant(), Request{UIDMap: []string{"0:0:10", "+5:100:1"}}, "0 0 1, 1 1 4, 5 100 1, 6 6 4", "0 0 1, 1 1 4, 5 100 1, 6 6 4"},
		{"extending takes the base id away too", anaGrant(), Request{UIDMap: []string{"0:0:10", "+50:5:2"}}, "0 0 1, 1 1 4, 7 7 3, 50 5 2", "0 0 1, 1 1 4, 7 7 3, 50 5 2"},
		{"a group of the host's (podman's example)", uneven(), Request{GIDMap: []string{"g+7:@300005:1"}}, base,
			"0 0 1, 1 1 6, 7 16 1, 8 7 4, 12 11 5, 17 17 94"},
		{"one id under another number", anaGrant().AsSingle(), Request{UIDMap: []string{"1000:0:1"}}, "1000 0 1", "1000 0 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := c.g.Container(c.r)
			if err != nil {
				t.Fatal(err)
			}
			if m.UIDs.String() != c.uids || m.GIDs.String() != c.gids {
				t.Errorf("got  %s | %s\nwant %s | %s", m.UIDs, m.GIDs, c.uids, c.gids)
			}
			for i, cm := range []IDMap{m.UIDs, m.GIDs} {
				if err := cm.Validate(); err != nil {
					t.Error(err)
				}
				for _, e := range cm {
					if cut, all := (IDMap{e}).Within(kinds[i].of(c.g)); !all || len(cut) != 1 {
						t.Errorf("%s spans extents of %s", IDMap{e}, kinds[i].of(c.g))
					}
				}
			}
			if m.Host || m.Join != "" || m.KeepID != strings.HasPrefix(c.r.Mode, "keep-id") {
				t.Errorf("got %+v", m)
			}
			if m.KeepID {
				u, _ := m.UIDs.ToInside(0)
				g, _ := m.GIDs.ToInside(0)
				if m.UID != u || m.GID != g {
					t.Errorf("process is %d:%d, the user %d:%d", m.UID, m.GID, u, g)
				}
			}
		})
	}
}

func TestContainerWithoutNamespace(t *testing.T) {
	for _, g := range []Grant{anaGrant(), anaGrant().AsSingle(), rootGrant()} {
		if m, err := g.Container(Request{Mode: "host"}); err != nil || !m.Host || len(m.UIDs)+len(m.GIDs) > 0 {
			t.Errorf("host: %+v, %v", m, err)
		}
		if m, err := g.Container(Request{Mode: "container:a:b"}); err != nil || m.Join != "a:b" || m.Host {
			t.Errorf("container: %+v, %v", m, err)
		}
	}
}

func TestContainerRefused(t *testing.T) {
	var many, tooMany []string
	for i := range MaxExtents + 1 {
		spec := fmt.Sprintf("%d:%d", i, 30000-2*i)
		if tooMany = append(tooMany, spec); i < 300 {
			many = append(many, spec)
		}
	}
	if _, err := anaGrant().Container(Request{UIDMap: many}); err != nil {
		t.Errorf("300 extents: %v", err)
	}
	for _, c := range []struct {
		name string
		g    Grant
		r    Request
		is   error
		says []string
	}{
		{"unknown", anaGrant(), Request{Mode: "keepid"}, ErrBadRequest, []string{"--userns=keepid is unknown", "fix: use host"}},
		{"ns:", anaGrant(), Request{Mode: "ns:/proc/1/ns/user"}, ErrBadRequest, []string{"unknown"}},
		{"colon only", anaGrant(), Request{Mode: ":"}, ErrBadRequest, []string{"unknown"}},
		{"no container", anaGrant(), Request{Mode: "container:"}, ErrBadRequest, []string{"names no container"}},
		{"container", anaGrant(), Request{Mode: "container"}, ErrBadRequest, []string{"names no container"}},
		{"host takes nothing", anaGrant(), Request{Mode: "host:size=1"}, ErrBadRequest, []string{"takes no options"}},
		{"nomap takes nothing", anaGrant(), Request{Mode: "nomap:"}, ErrBadRequest, []string{"takes no options"}},
		{"unknown option", anaGrant(), Request{Mode: "keep-id:uids=1"}, ErrBadRequest, []string{`"uids=1"`, "use uid=N"}},
		{"option without value", anaGrant(), Request{Mode: "keep-id:uid"}, ErrBadRequest, nil},
		{"option twice", anaGrant(), Request{Mode: "keep-id:uid=1,uid=2"}, ErrConflict, []string{"twice"}},
		{"not a number", anaGrant(), Request{Mode: "keep-id:uid=x"}, ErrBadRequest, nil},
		{"negative", anaGrant(), Request{Mode: "keep-id:uid=-1"}, ErrBadRequest, nil},
		{"not an id", anaGrant(), Request{Mode: "keep-id:uid=4294967295"}, ErrBadRequest, nil},
		{"size 0", anaGrant(), Request{Mode: "auto:size=0"}, ErrBadRequest, nil},

		{"mode and map", anaGrant(), Request{Mode: "keep-id", UIDMap: []string{"0:0:1"}}, ErrConflict, []string{"--userns=keep-id with"}},
		{"host and map", anaGrant(), Request{Mode: "host", GIDMap: []string{"0:0:1"}}, ErrConflict, nil},
		{"auto and name", anaGrant(), Request{Mode: "auto", SubUIDName: "ana"}, ErrConflict, nil},
		{"map and name", anaGrant(), Request{UIDMap: []string{"0:0:1"}, SubGIDName: "ana"}, ErrConflict, nil},
		{"nomap as root", rootGrant(), Request{Mode: "nomap"}, ErrConflict, []string{"fix: --userns=auto"}},

		{"map beyond the range", anaGrant(), Request{UIDMap: []string{"0:0:100000"}}, ErrTooFew,
			[]string{`/etc/subuid gives "ana" 65537 with its own, 100000 uids are needed`, "base id 99999", "fix: "}},
		{"groups beyond the range", uneven(), Request{UIDMap: []string{"0:0:500"}}, ErrTooFew,
			[]string{`/etc/subgid gives "ana" 111 with its own, 500 gids`}},
		{"keep-id beyond the range", anaGrant(), Request{Mode: "keep-id:size=65538"}, ErrTooFew, []string{"65538 uids"}},
		{"auto beyond the range", anaGrant(), Request{Mode: "auto:size=65537"}, ErrTooFew, []string{"needs 65537 and 0 of the 65536"}},
		{"auto for an absurd image", anaGrant(), Request{Mode: "auto", ImageMaxUID: 4294967293}, ErrTooFew, nil},
		{"auto, all taken", anaGrant(), Request{Mode: "auto", Taken: []Maps{{UIDs: IDMap{{0, 1, 65000}}}}}, ErrTooFew, []string{"65000 of the 65536", "66025 uids are needed"}},
		{"auto with one id", anaGrant().AsSingle(), Request{Mode: "auto"}, ErrTooFew, []string{"/etc/subuid gives"}},
		{"nomap with one id", anaGrant().AsSingle(), Request{Mode: "nomap"}, ErrTooFew, []string{"leaves out the only one"}},
		{"map with one id", anaGrant().AsSingle(), Request{UIDMap: []string{"0:0:2"}}, ErrTooFew, nil},
		{"a container's root", innerRoot(), Request{UIDMap: []string{"0:0:70000"}}, ErrTooFew, []string{"this user namespace gives", "start the outer container"}},
		{"host id of another", anaGrant(), Request{UIDMap: []string{"0:@2000:2"}}, ErrTooFew,
			[]string{"0 1000 1, 1 100000 65536", "fix: sudo usermod --add-subuids 2000-2001 ana"}},

		{"overlap inside", anaGrant(), Request{UIDMap: []string{"0:0:10", "9:20:1"}}, ErrBadMap, []string{"overlap"}},
		{"overlap outside", anaGrant(), Request{UIDMap: []string{"0:0:10", "20:9:1"}}, ErrBadMap, []string{"twice"}},
		{"pinned overlap", anaGrant(), Request{Mode: "auto:uidmapping=0:0:2,uidmapping=1:5:1"}, ErrBadMap, nil},
		{"zero", anaGrant(), Request{UIDMap: []string{"0:0:0"}}, ErrBadMap, []string{"size 0"}},
		{"too long", anaGrant(), Request{UIDMap: tooMany}, ErrBadMap, []string{"341 extents"}},
		{"too big", anaGrant(), Request{UIDMap: []string{"0:0:4294967295", "4294967295:1:1"}}, ErrBadMap, nil},

		{"empty", anaGrant(), Request{UIDMap: []string{""}}, ErrBadRequest, []string{"fix: use ["}},
		{"one field", anaGrant(), Request{UIDMap: []string{"5"}}, ErrBadRequest, nil},
		{"four fields", anaGrant(), Request{UIDMap: []string{"0:0:1:1"}}, ErrBadRequest, nil},
		{"word", anaGrant(), Request{UIDMap: []string{"0:root:1"}}, ErrBadRequest, []string{`"root" is not an id`}},
		{"host sign at the wrong place", anaGrant(), Request{UIDMap: []string{"@0:0:1"}}, ErrBadRequest, nil},
		{"unknown letter", anaGrant(), Request{UIDMap: []string{"x0:0:1"}}, ErrBadRequest, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := c.g.Container(c.r)
			if !errors.Is(err, c.is) {
				t.Fatalf("got %v; %+v", err, m)
			}
			for _, words := range c.says {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%q does not say %q", err, words)
				}
			}
			if m.Host || m.KeepID || m.Join != "" || m.UIDs != nil || m.GIDs != nil {
				t.Errorf("an answer beside the error: %+v", m)
			}
		})
	}
}
