// Package health looks after what Coracle keeps on disk: what takes space, what
// is damaged, what is garbage, and how to be rid of it all.
//
// Everything follows from one rule: what no record names is garbage. A process
// that is killed leaves either something that its lock, which is free now, marks
// as garbage, or something that it wrote down before. So nothing here needs to
// know what a process was doing when it died.
//
// Start with [Store.Check], which lists findings and touches nothing, and
// [Store.Repair], which mends what was found and can be interrupted at any moment:
// each step removes one thing, and what is left is found again. [Store.Sweep]
// removes garbage only and is what prune does after it has pruned. [Store.Usage] is
// the account that system df prints. [Wipe] is for reset, and works when the store
// cannot be opened.
//
// The package prints nothing and asks nobody.
package health
