// Package imageconf changes an image's configuration by Dockerfile instructions,
// as --change of import and commit has them: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL,
// ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR. Start from [Apply].
//
// They mean what they mean in a Dockerfile (docs.docker.com/reference/dockerfile):
// words are taken apart and quoted as there, and $NAME stands for a variable of
// the image's own environment. podman's form NAME=VALUE ("CMD=/bin/sh") is taken
// too. The package reads strings, never a file, and knows no store.
package imageconf
