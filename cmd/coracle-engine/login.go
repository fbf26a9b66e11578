//go:build containers_image_openpgp

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"coracle/storage/engine"
	"coracle/storage/engine/transfer"
)

// authFlags are where credentials are kept.
type authFlags struct {
	Authfile string `help:"File with credentials; else $$REGISTRY_AUTH_FILE." placeholder:"FILE"`
	Compat   string `name:"compat-auth-file" help:"File with credentials, written as docker does." placeholder:"FILE"`
}

// credentials returns the place that the flags and the environment name.
func (f *authFlags) credentials(s *session) (*transfer.Credentials, error) {
	if f.Authfile != "" && f.Compat != "" {
		return nil, errors.New("--authfile and --compat-auth-file contradict each other")
	}
	store, err := s.store()
	if err != nil {
		return nil, err
	}
	sys := *store.Sys
	sys.AuthFilePath, sys.DockerCompatAuthFilePath = f.Authfile, f.Compat
	if f.Authfile == "" && f.Compat == "" {
		sys.AuthFilePath = transfer.EnvironmentFile()
	}
	return &transfer.Credentials{Sys: &sys}, nil
}

// loginCommand is `coracle login`.
type loginCommand struct {
	authFlags
	Username      string `short:"u" help:"Name; asked for if left out." placeholder:"NAME"`
	Password      string `short:"p" help:"Password; asked for if left out. Others on this machine can see it." placeholder:"PASSWORD"`
	PasswordStdin bool   `help:"Read the password from standard input."`
	GetLogin      bool   `help:"Print the name that is logged in."`
	CertDir       string `help:"Directory with ca.crt, client.cert, client.key." placeholder:"DIR"`
	TLSVerify     *bool  `name:"tls-verify" help:"Insist on TLS with a known certificate; =false for a registry without." negatable:""`
	Verbose       bool   `short:"v" help:"Say where the credentials are kept."`

	Registry string `arg:"" optional:"" help:"Host of the registry; else the first of registries.conf, else docker.io."`
}

func (c *loginCommand) Run(ctx context.Context, s *session) error {
	all, err := c.credentials(s)
	if err != nil {
		return err
	}
	if all.Sys, err = (engine.Access{CertDir: c.CertDir, TLSVerify: c.TLSVerify}).Apply(all.Sys); err != nil {
		return err
	}
	if c.Registry == "" {
		if c.Registry, err = all.Registry(); err != nil {
			return err
		}
	}
	user, password, err := all.Known(c.Registry)
	if err != nil {
		return err
	}
	if c.GetLogin {
		if user == "" {
			return fmt.Errorf("%w to %s", transfer.ErrNotLoggedIn, c.Registry)
		}
		fmt.Println(user)
		return nil
	}
	if c.Username == "" && c.Password == "" && !c.PasswordStdin && user != "" {
		if _, err := all.Login(ctx, c.Registry, user, password); err == nil {
			fmt.Printf("Existing credentials are valid. Already logged in to %s\n", c.Registry)
			return nil
		}
	}
	if user, password, err = c.ask(user); err != nil {
		return err
	}
	where, err := all.Login(ctx, c.Registry, user, password)
	if err != nil {
		return engine.Explain(ctx, err)
	}
	if c.Verbose {
		fmt.Println("Used: ", where)
	}
	fmt.Println("Login Succeeded!")
	return nil
}

// maxPassword bounds what is read from standard input, in bytes: tokens have
// some kilobytes.
const maxPassword = 64 << 10

// ask returns name and password of the flags, or asks for them.
func (c *loginCommand) ask(known string) (user, password string, err error) {
	user, password = c.Username, c.Password
	switch {
	case c.PasswordStdin && c.Password != "":
		return "", "", errors.New("--password and --password-stdin contradict each other")
	case c.PasswordStdin && user == "":
		return "", "", errors.New("--password-stdin needs a name\n  fix: --username NAME")
	case user == "":
		if user, err = readLine("Username", known); err != nil {
			return "", "", err
		}
	}
	if c.PasswordStdin {
		data, err := io.ReadAll(io.LimitReader(os.Stdin, maxPassword))
		if err != nil {
			return "", "", fmt.Errorf("cannot read the password: %w", err)
		}
		password = strings.TrimRight(string(data), "\r\n")
	} else if password == "" {
		if password, err = readPassword("Password: "); err != nil {
			return "", "", err
		}
	}
	if user == "" || password == "" {
		return "", "", errors.New("name and password must not be empty")
	}
	return user, password, nil
}
