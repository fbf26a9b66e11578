// Package commit makes an image of an image and one more layer, which is taken
// into the store in the way of a pull: verified, and swept if it is interrupted.
// It knows no container. Start from [Run].
package commit
