//go:build containers_image_openpgp

package engine

// Places are the directories of the image store, for those who must know them
// although it cannot be opened.
func Places() (graph, run string, err error) {
	options, err := storeOptions()
	return options.GraphRoot, options.RunRoot, err
}
