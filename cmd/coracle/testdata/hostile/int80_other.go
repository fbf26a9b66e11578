//go:build !amd64

package main

import "fmt"

// int80 has no meaning here.
func int80([]string) { fmt.Println("no int80") }
