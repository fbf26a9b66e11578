// Package text is what of package format needs no templates: numbers, ages and
// columns for people to read. The light program prints lists with it; text/template
// would cost it half a megabyte and half a millisecond at every start.
package text
