//go:build containers_image_openpgp

package health

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"coracle/storage"

	cstorage "go.podman.io/storage"
)

// meanings are what the errors of containers/storage's check mean.
func meanings() []struct {
	err  error
	text string
} {
	return []struct {
		err  error
		text string
	}{
		{cstorage.ErrLayerIncorrectContentDigest, "the content of a file was changed"},
		{cstorage.ErrLayerIncorrectContentSize, "it is not as long as it was"},
		{cstorage.ErrLayerContentModified, "files, owners, modes or times in it were changed"},
		{cstorage.ErrLayerDataMissing, "data that belongs to it is gone"},
		{cstorage.ErrLayerMissing, "the layer below it is gone"},
		{cstorage.ErrLayerUnreferenced, "no image and no container needs it"},
		{cstorage.ErrImageLayerMissing, "its layer is gone"},
		{cstorage.ErrImageDataMissing, "its manifest or its configuration is gone"},
		{cstorage.ErrImageDataIncorrectSize, "its manifest or its configuration was changed"},
		{cstorage.ErrContainerImageMissing, "its image is gone"},
		{cstorage.ErrContainerDataMissing, "data that belongs to it is gone"},
		{cstorage.ErrContainerDataIncorrectSize, "data that belongs to it was changed"},
	}
}

// problem says in one line what the library found wrong with an object. Of each
// layer that an image has one thing is enough.
func problem(id string, errs []error) string {
	var said, layers []string
	for _, err := range errs {
		text := strings.TrimPrefix(err.Error(), "read-only ")
		subject, ok := "", false
		for _, kind := range []string{"layer ", "image ", "container "} {
			if text, ok = strings.CutPrefix(text, kind); ok {
				subject, text, _ = strings.Cut(text, ": ")
				break
			}
		}
		words := meaning(err, text)
		if subject != "" && subject != id {
			if slices.Contains(layers, subject) {
				continue
			}
			layers = append(layers, subject)
			words = fmt.Sprintf("of layer %.12s: %s", subject, words)
		}
		if !slices.Contains(said, words) {
			said = append(said, words)
		}
	}
	if len(said) > 3 {
		said = append(said[:3], fmt.Sprintf("and %d more", len(said)-3))
	}
	return strings.Join(said, "; ")
}

// meaning puts one error into words. What it says of a file is worth more than
// what kind it is of.
func meaning(err error, text string) string {
	if file, why, ok := inLayer(text); ok {
		switch {
		case file == "" && strings.HasSuffix(why, "no such file or directory"):
			return "its directory is gone"
		case file == "":
			return "its directory: " + why
		case strings.HasSuffix(why, "no such file or directory"):
			return "its file " + file + " is gone"
		}
		return "its file " + file + ": " + why
	}
	for _, m := range meanings() {
		if errors.Is(err, m.err) {
			return m.text
		}
	}
	if strings.Contains(text, "file integrity checksum failed") {
		return "the content of a file was changed"
	}
	return strings.ReplaceAll(text, "\n", "; ")
}

// inLayer finds the path of a file in a layer's directory, and what follows it.
func inLayer(text string) (file, why string, ok bool) {
	const mark = "/diff"
	for at := 0; ; {
		i := strings.Index(text[at:], mark)
		if i < 0 {
			return "", "", false
		}
		i += at
		at = i + len(mark)
		start := strings.LastIndexByte(text[:i], '/')
		if start < 0 || !storage.ValidID(text[start+1:i]) {
			continue
		}
		file, why, _ = strings.Cut(text[at:], ": ")
		return file, why, true
	}
}
