package toolbox

// commands is the table of all commands. Those that block account for their
// CPU time themselves, see command.
func commands() map[string]command {
	quick := func(f func(*call) int) command { return command{run: f} }
	long := func(f func(*call) int) command { return command{run: f, blocks: true} }
	shell := command{run: viaShell, blocks: true}
	return map[string]command{
		// shells, and what shells have built in
		"sh": long(shMain), "ash": long(shMain),
		"echo": shell, "printf": shell, "test": shell, "[": shell, "pwd": shell, "true": shell, "false": shell,

		// files
		"basename": quick(basename), "cat": long(cat), "chmod": quick(chmod), "cp": quick(cp), "dd": long(dd), "df": quick(df),
		"dirname": quick(dirname), "du": quick(du), "find": long(find), "ln": quick(ln), "ls": quick(ls), "mkdir": quick(mkdir),
		"mktemp": quick(mktemp), "mv": quick(mv), "readlink": quick(readlink), "rm": quick(rm), "rmdir": quick(rmdir),
		"stat": quick(statCommand), "tar": long(tarCommand), "tee": long(tee), "touch": quick(touch),

		// text
		"base64": long(base64Command), "cut": long(cut), "grep": long(grep), "egrep": long(grep), "fgrep": long(grep),
		"head": long(head), "md5sum": long(checksum), "sed": long(sed), "seq": long(seq), "sha1sum": long(checksum),
		"sha256sum": long(checksum), "sha512sum": long(checksum), "sort": long(sortCommand), "tail": long(tail),
		"tr": long(tr), "uniq": long(uniq), "wc": long(wc), "xargs": long(xargs), "yes": long(yes),

		// the system
		"clear": quick(clearScreen), "date": quick(date), "env": long(env), "expr": quick(expr), "free": quick(free),
		"hostname": quick(hostname), "id": quick(id), "kill": quick(kill), "nohup": long(nohup), "nproc": quick(nproc),
		"printenv": quick(printenv), "ps": quick(ps), "sleep": long(sleep), "time": long(timeCommand),
		"timeout": long(timeout), "top": quick(top), "tty": quick(ttyCommand), "uname": quick(uname), "uptime": quick(uptime),
		"watch": long(watch), "which": quick(which), "whoami": quick(whoami),

		// the network
		"curl": quick(curl), "dig": quick(dig), "ip": quick(ip), "load": long(load), "nc": long(nc),
		"nslookup": quick(nslookup), "ping": quick(ping), "wget": quick(wget),
	}
}

// viaShell runs a builtin of the shell as a command of its own.
func viaShell(c *call) int {
	return c.with(c.ctx, append([]string{"sh", "-c", `"$@"`, "sh", c.name}, c.args...)).start(command{run: shMain, blocks: true})
}
