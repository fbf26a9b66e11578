// Package events keeps what happens to containers, images and volumes, without a
// daemon: whoever does something adds a line to a file in the user's data
// directory, with [Write]; [Read] gives them back and can go on with what is
// added. The file is bounded, and a hint for people and their tools: nothing
// here decides by it.
package events
