package storage

// Random names: a mood and a surname of those who sailed, charted, dived or
// built boats. Changing the lists breaks nothing.

var moods = [...]string{
	"able", "agile", "amber", "ample", "azure", "bold", "brave", "breezy", "bright", "brisk",
	"buoyant", "busy", "calm", "candid", "clear", "clever", "coastal", "cool", "cosy", "daring",
	"deft", "eager", "early", "easy", "fair", "famous", "fleet", "fond", "frank", "fresh",
	"gallant", "gentle", "glad", "golden", "grand", "handy", "happy", "hardy", "hearty", "honest",
	"humble", "jolly", "keen", "kind", "lasting", "light", "lively", "loyal", "lucid", "lucky",
	"mellow", "merry", "mighty", "modest", "neat", "nimble", "noble", "patient", "placid", "polite",
	"prompt", "proud", "quick", "quiet", "rapid", "ready", "robust", "salty", "serene", "sharp",
	"silent", "silver", "smooth", "snug", "sober", "solid", "sound", "spry", "stable", "steady",
	"still", "stout", "sturdy", "subtle", "sunny", "swift", "tidal", "tidy", "trim", "true",
	"trusty", "upbeat", "vivid", "warm", "watchful", "willing", "windy", "wise", "witty", "zesty",
}

var sailors = [...]string{
	"amundsen", "anning", "anson", "aubert", "baffin", "banks", "baret", "barents", "beagle", "beaufort",
	"behaim", "bering", "bernoulli", "boyd", "bowditch", "bremer", "brunel", "cabot", "carson", "cartier",
	"chichester", "clark", "colin", "cook", "cousteau", "cowper", "dampier", "davis", "drake", "earle",
	"eckener", "erikson", "eriksson", "ferdinand", "fitzroy", "flinders", "forbes", "franklin", "frobisher", "fulton",
	"gama", "gann", "gilbert", "graham", "halley", "harrison", "heyerdahl", "hero", "herreshoff", "hooke",
	"hudson", "humboldt", "ibnmajid", "jeanne", "kane", "knox", "laperouse", "larsen", "lind", "lovell",
	"macarthur", "magellan", "manry", "marco", "mary", "maury", "mercator", "moitessier", "morison", "nansen",
	"napier", "nelson", "noah", "ohlin", "parry", "peary", "piccard", "polo", "pytheas", "ross",
	"russell", "sacajawea", "scoresby", "shackleton", "slocum", "stephens", "sutherland", "tabarly", "tasman", "tharp",
	"tupaia", "vancouver", "vespucci", "wegener", "weddell", "wilkes", "worsley", "yonge", "zarco", "zheng",
}
