//go:build containers_image_openpgp

package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"coracle/cmd/internal/format"
	"coracle/cmd/internal/text"
	"coracle/storage/engine/images"
)

// imageTree is `coracle image tree`.
type imageTree struct {
	Image        string `arg:"" help:"Name or id."`
	WhatRequires bool   `name:"whatrequires" help:"Show the layers that are built on the image instead of its own."`
}

func (c *imageTree) Run(ctx context.Context, s *session) error {
	store, img, err := s.image(ctx, c.Image)
	if err != nil {
		return err
	}
	all, err := s.catalog(ctx)
	if err != nil {
		return err
	}
	var roots []*images.Node
	if c.WhatRequires {
		var root *images.Node
		if root, err = images.Dependents(store, img, all); root != nil {
			roots = []*images.Node{root}
		}
	} else {
		roots, err = images.Layers(store, img, all)
	}
	if err != nil {
		return err
	}
	var size int64
	for i := range all.Images {
		if all.Images[i].ID == img.ID {
			size = all.Images[i].Size
		}
	}
	return printTree(out(), img.ID, img.Names, size, roots)
}

func printTree(w io.Writer, id string, names []string, size int64, roots []*images.Node) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Image ID: %s\nTags:     %s\nSize:     %s\n", format.ShortID(id), text.Printable(fmt.Sprint(names)), format.Size(size))
	if len(roots) == 0 {
		b.WriteString("No Image Layers\n")
	} else {
		b.WriteString("Image Layers\n")
		printNodes(&b, "", roots)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// printNodes goes as deep as the kernel stacks layers, and no deeper.
func printNodes(b *strings.Builder, indent string, nodes []*images.Node) {
	for i, n := range nodes {
		branch, below := "├── ", "│   "
		if i == len(nodes)-1 {
			branch, below = "└── ", "    "
		}
		fmt.Fprintf(b, "%s%sID: %s Size: %s", indent, branch, format.ShortID(n.ID), format.Size(n.Size))
		if len(n.Images) > 0 {
			fmt.Fprintf(b, " Top Layer of: %s", text.Printable(fmt.Sprint(n.Images)))
		}
		b.WriteByte('\n')
		if len(indent) < 2000 {
			printNodes(b, indent+below, n.Children)
		}
	}
}
