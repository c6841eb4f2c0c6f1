package tui

import (
	"strings"

	"golang.org/x/text/width"
)

// action is what a key does. Its name is also what a config file calls it, and
// the message key_NAME is what a border says about it.
type action string

// All actions.
const (
	actHint     action = "hint"
	actNext     action = "next"
	actBack     action = "back"
	actAnswer   action = "answer"
	actReset    action = "reset"
	actRetry    action = "retry"
	actDraw     action = "draw" // another case
	actLesson   action = "lesson"
	actCluster  action = "cluster"
	actShell    action = "shell"
	actForward  action = "forward"  // to the next pane
	actBackward action = "backward" // to the pane before
	actZoom     action = "zoom"
	actArrange  action = "arrange"
	actLeft     action = "divider-left"
	actRight    action = "divider-right"
	actUp       action = "separator-up"
	actDown     action = "separator-down"
	actEven     action = "even"
	actInsert   action = "insert" // a command of the text into the shell
	actCopy     action = "copy"
	actNextCmd  action = "next-command"
	actPrevCmd  action = "previous-command"
	actHistUp   action = "history-up"
	actHistDown action = "history-down"
	actHistory  action = "history"
	actOwn      action = "own-terminal"
	actMouse    action = "mouse"
	actSuspend  action = "suspend"
	actHelp     action = "help"
	actQuit     action = "quit"
	actMap      action = "map" // the map of the lessons

	actLineUp   action = "line-up"
	actLineDown action = "line-down"
	actPageUp   action = "page-up"
	actPageDown action = "page-down"
	actTop      action = "top"
	actBottom   action = "bottom"

	actCharLeft  action = "left"
	actCharRight action = "right"
	actLineStart action = "line-start"
	actLineEnd   action = "line-end"
	actMark      action = "mark"
	actMarkLines action = "mark-lines"

	actDescribe action = "describe"
	actYAML     action = "yaml"
	actLogs     action = "logs"
	actPrevious action = "previous-logs"
	actEvents   action = "events"

	actSearch    action = "search"
	actMatch     action = "match"
	actMatchBack action = "match-back"
	actReload    action = "reload"
	actFollow    action = "follow"
	actClose     action = "close"

	actSend     action = "send" // the answer
	actCancel   action = "cancel"
	actQuestion action = "other-question"
	actRecall   action = "recall"

	actErase     action = "erase"
	actEraseNext action = "erase-next"
	actEraseWord action = "erase-word"
	actEraseLine action = "erase-line"
	actEraseEnd  action = "erase-end"
	actCurLeft   action = "cursor-left"
	actCurRight  action = "cursor-right"
	actCurStart  action = "cursor-start"
	actCurEnd    action = "cursor-end"
	actWordLeft  action = "word-left"
	actWordRight action = "word-right"
	actAccept    action = "accept" // what was typed to look for

	actDone  action = "done"      // with moving the borders
	actAbort action = "abort"     // the start
	actLeave action = "leave"     // a start that failed
	actFresh action = "new-shell" // after the last has ended

	actYes action = "yes"
	actNo  action = "no"

	actOpen     action = "open" // a lesson on the map
	actLanguage action = "language"
	actProvider action = "provider" // of the cluster
)

// scope is where a key has its meaning.
type scope int

const (
	scopePrefix  scope  = iota // after the prefix key
	scopeLesson                // the lesson is in focus
	scopeCluster               // the cluster is in focus
	scopeOverlay               // an object is being read
	scopeHistory               // the history of the shell is being read
	scopeAnswer                // a question is being answered
	scopeConfirm               // the screen asks whether it shall
	scopeMap                   // the map of the lessons
	scopeEdit                  // a line of text is being typed: an answer, or what to look for
	scopeResize                // the borders are being moved
	scopeStart                 // the cluster comes up
	scopeShell                 // the shell has ended
	scopes       = iota        // how many there are
)

// String is what a config file calls the scope.
func (s scope) String() string {
	return [scopes]string{"prefix", "lesson", "cluster", "overlay", "history", "answer", "confirm", "map", "edit", "resize", "start", "shell"}[s]
}

// typed reports whether what is typed there is text, so that a key with a
// character on it can't be bound.
func (s scope) typed() bool { return s == scopeAnswer || s == scopeEdit }

// prefixed reports whether the prefix key has its meaning there.
func (s scope) prefixed() bool { return s != scopeConfirm && s != scopeMap && s != scopeStart }

// binding is an action with its keys, as Bubble Tea names them, and the message
// that explains it in the help. The first key is the one that is shown.
type binding struct {
	action action
	keys   []string
	help   string
}

// table is what the keys of one scope do, in the order of the help.
type table []binding

// bindings are the keys of the whole screen. This is the one place that knows
// which key does what; a config file may name other keys for an action (Keymap).
type bindings [scopes]table

func defaultBindings() bindings {
	return bindings{
		scopePrefix: {
			{actHint, []string{"h"}, "help_hint"},
			{actNext, []string{"n"}, "help_next"},
			{actBack, []string{"p"}, "help_back"},
			{actAnswer, []string{"a"}, "help_answer"},
			{actReset, []string{"r"}, "help_reset"},
			{actRetry, []string{"t"}, "help_retry"},
			{actDraw, []string{"d"}, "help_draw"},
			{actInsert, []string{"i"}, "help_insert"},
			{actCopy, []string{"y"}, "help_copy"},
			{actNextCmd, []string{"."}, "help_command"},
			{actPrevCmd, []string{","}, ""},
			{actLesson, []string{"l"}, "help_lesson"},
			{actCluster, []string{"c"}, "help_cluster"},
			{actShell, []string{"s"}, "help_shell"},
			{actForward, []string{"tab", "right", "down"}, ""},
			{actBackward, []string{"shift+tab", "left", "up"}, ""},
			{actZoom, []string{"z"}, "help_zoom"},
			{actArrange, []string{"space"}, "help_arrange"},
			{actRight, []string{">", "ctrl+right"}, "help_divider"},
			{actLeft, []string{"<", "ctrl+left"}, ""},
			{actUp, []string{"+", "ctrl+up"}, "help_separator"},
			{actDown, []string{"-", "ctrl+down"}, ""},
			{actEven, []string{"="}, "help_even"},
			{actHistUp, []string{"pgup", "k"}, "help_history"},
			{actHistDown, []string{"pgdown", "j"}, ""},
			{actHistory, []string{"["}, "help_browse"},
			{actOwn, []string{"e"}, "help_own"},
			{actMouse, []string{"m"}, "help_mouse"},
			{actSuspend, []string{"ctrl+z"}, "help_suspend"},
			{actHelp, []string{"?"}, ""},
			{actMap, []string{"o"}, "help_map"},
			{actQuit, []string{"q"}, "help_quit"},
		},
		scopeLesson: append(movingKeys(),
			binding{actNextCmd, []string{".", "right", "]"}, "help_command"},
			binding{actPrevCmd, []string{",", "left", "["}, ""},
			binding{actInsert, []string{"enter", "i"}, "help_insert"},
			binding{actCopy, []string{"y"}, "help_copy"},
			binding{actForward, []string{"tab"}, ""},
			binding{actBackward, []string{"shift+tab"}, ""},
			binding{actHelp, []string{"?"}, ""},
			binding{actShell, []string{"esc", "q"}, "help_shell"},
		),
		scopeCluster: append(movingKeys(),
			binding{actDescribe, []string{"enter", "d"}, "help_describe"},
			binding{actYAML, []string{"y"}, "help_yaml"},
			binding{actLogs, []string{"l"}, "help_logs"},
			binding{actPrevious, []string{"p"}, "help_previous"},
			binding{actEvents, []string{"e"}, "help_events"},
			binding{actForward, []string{"tab"}, ""},
			binding{actBackward, []string{"shift+tab"}, ""},
			binding{actHelp, []string{"?"}, ""},
			binding{actShell, []string{"esc", "q", "i"}, "help_shell"},
		),
		scopeOverlay: append(movingKeys(),
			binding{actSearch, []string{"/"}, "help_search"},
			binding{actMatch, []string{"n"}, "help_match"},
			binding{actMatchBack, []string{"N"}, ""},
			binding{actCopy, []string{"y"}, "help_copy_all"},
			binding{actReload, []string{"r"}, "help_reload"},
			binding{actFollow, []string{"f"}, "help_follow"},
			binding{actHelp, []string{"?"}, ""},
			binding{actClose, []string{"esc", "q", "ctrl+c"}, "help_close_overlay"},
		),
		scopeHistory: append(movingKeys(),
			binding{actCharLeft, []string{"h", "left"}, "help_chars"},
			binding{actCharRight, []string{"l", "right"}, ""},
			binding{actLineStart, []string{"0", "^"}, "help_line_ends"},
			binding{actLineEnd, []string{"$"}, ""},
			binding{actSearch, []string{"/"}, "help_search_up"},
			binding{actMatch, []string{"n"}, "help_match"},
			binding{actMatchBack, []string{"N"}, ""},
			binding{actMark, []string{"v"}, "help_mark"},
			binding{actMarkLines, []string{"V"}, ""},
			binding{actCopy, []string{"y", "enter"}, "help_copy_selected"},
			binding{actHelp, []string{"?"}, ""},
			binding{actClose, []string{"esc", "q", "i", "ctrl+c"}, "help_leave_history"},
		),
		scopeAnswer: {
			{actSend, []string{"enter"}, "help_send"},
			{actCancel, []string{"esc", "ctrl+c"}, "help_cancel"},
			{actQuestion, []string{"tab"}, "help_question"},
			{actRecall, []string{"up"}, "help_recall"},
		},
		scopeConfirm: {
			{actYes, []string{"y"}, "help_yes"},
			{actNo, []string{"n", "esc", "ctrl+c"}, "help_no"},
		},
		scopeMap: {
			{actLineUp, []string{"up", "k"}, "help_lesson_up"},
			{actLineDown, []string{"down", "j", "tab"}, "help_lesson_down"},
			{actTop, []string{"home", "g"}, "help_ends"},
			{actBottom, []string{"end", "G"}, ""},
			{actOpen, []string{"enter", "space"}, "help_open"},
			{actLanguage, []string{"l"}, "help_language"},
			{actProvider, []string{"c"}, "help_provider"},
			{actQuit, []string{"q", "esc", "ctrl+c", "ctrl+d"}, "help_leave"},
		},
		// As readline has them.
		scopeEdit: {
			{actErase, []string{"backspace"}, "help_erase"},
			{actEraseNext, []string{"delete"}, "help_erase_next"},
			{actEraseWord, []string{"ctrl+w", "alt+backspace"}, "help_erase_word"},
			{actEraseLine, []string{"ctrl+u"}, "help_erase_line"},
			{actEraseEnd, []string{"ctrl+k"}, "help_erase_end"},
			{actCurLeft, []string{"left", "ctrl+b"}, "help_cursor"},
			{actCurRight, []string{"right", "ctrl+f"}, ""},
			{actWordLeft, []string{"alt+b", "ctrl+left", "alt+left"}, "help_words"},
			{actWordRight, []string{"alt+f", "ctrl+right", "alt+right"}, ""},
			{actCurStart, []string{"home", "ctrl+a"}, "help_cursor_ends"},
			{actCurEnd, []string{"end", "ctrl+e"}, ""},
			{actAccept, []string{"enter"}, "help_accept"},
			{actCancel, []string{"esc", "ctrl+c"}, "help_cancel_search"},
		},
		scopeResize: {{actDone, []string{"enter", "esc"}, "help_done"}},
		scopeStart: {
			{actAbort, []string{"ctrl+c"}, "help_abort"},
			{actLeave, []string{"enter", "q", "esc"}, "help_leave_start"},
		},
		scopeShell: {{actFresh, []string{"enter"}, "help_fresh"}},
	}
}

// movingKeys is the keys that move through a pane, as in less and vim.
func movingKeys() table {
	return table{
		{actLineDown, []string{"j", "down"}, "help_lines"},
		{actLineUp, []string{"k", "up"}, ""},
		{actPageDown, []string{"pgdown", "space", "ctrl+d", "ctrl+f"}, "help_pages"},
		{actPageUp, []string{"pgup", "ctrl+u", "ctrl+b"}, ""},
		{actTop, []string{"g", "home"}, "help_ends"},
		{actBottom, []string{"G", "end"}, ""},
	}
}

// at is the action of a key, "" for none. A capital stands for its small letter
// where it has no meaning of its own, and a full-width character, as an input
// method may send it, for the usual one.
func (t table) at(key string) action {
	key = width.Fold.String(key)
	for _, name := range []string{key, strings.ToLower(key)} {
		for _, b := range t {
			for _, k := range b.keys {
				if k == name {
					return b.action
				}
			}
		}
	}
	return ""
}

// key is the key to show for an action, "" when it has none.
func (t table) key(a action) string {
	for _, b := range t {
		if b.action == a && len(b.keys) > 0 {
			return b.keys[0]
		}
	}
	return ""
}

// keyName is a key as people write it: ^G, Enter, PgUp.
func keyName(key string) string {
	if c, ok := strings.CutPrefix(key, "ctrl+"); ok && len(c) == 1 {
		return "^" + strings.ToUpper(c)
	}
	switch key {
	case "pgup":
		return "PgUp"
	case "pgdown":
		return "PgDn"
	case "up":
		return "↑"
	case "down":
		return "↓"
	case "left":
		return "←"
	case "right":
		return "→"
	case "enter", "esc", "tab", "space", "home", "end":
		return strings.ToUpper(key[:1]) + key[1:]
	}
	return key
}
