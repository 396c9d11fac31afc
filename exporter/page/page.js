// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps the page up to date: asks for it again, and changes what differs, so that what is folded, focused,
// scrolled or filtered stays so. The server's page is the only truth; sorting and filtering are applied to it
// before it is compared.
"use strict";
(() => {
	const PERIOD = 2000; // milliseconds from an answer to the next question
	const WHOLE = new Set(["svg", "TR", "PRE", "DL", "UL"]); // mostly the same: compared before they are gone through
	const PATIENCE = 10000; // for an answer
	const root = document.documentElement;
	const view = { column: -1, descending: false, filter: "" };
	const folded = new Map(); // what is not shown, and is brought up to date when it is unfolded
	let verdict = document.querySelector("#verdict h1").textContent;
	let last = { frame: "", pieces: new Map() }, tag = null, answeredAt = Date.now(), failedSince = null, timer = 0;

	// For who does not see the page.
	const announce = (text) => { document.getElementById("said").textContent = text; };

	// ---- what is sorted and filtered ----

	const key = (row, column) => {
		const cell = row.cells[column];
		return cell.dataset.order ?? cell.textContent;
	};

	const arrange = (from) => {
		const table = from.querySelector(".sortable");
		if (!table)
			return;
		for (const [column, head] of [...table.tHead.rows[0].cells].entries()) {
			const text = head.textContent;
			if (!head.firstElementChild) {
				const button = document.createElement("button");
				button.type = "button";
				button.dataset.column = column;
				button.textContent = text;
				head.replaceChildren(button);
			}
			const order = view.descending ? "descending" : "ascending";
			head.setAttribute("aria-sort", column === view.column ? order : "none");
		}
		const body = table.tBodies[0], rows = [...body.rows], words = view.filter.toLowerCase().split(/\s+/);
		let shown = 0;
		for (const row of rows) {
			// With a blank between cells, so that no word is made of two of them.
			const text = [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase();
			row.hidden = !words.every((word) => text.includes(word));
			shown += row.hidden ? 0 : 1;
		}
		if (view.column >= 0) {
			const compare = new Intl.Collator("en", { numeric: true }).compare, sign = view.descending ? -1 : 1;
			const keyed = rows.map((row) => [key(row, view.column), row]);
			keyed.sort((a, b) => sign * compare(a[0], b[0]));
			body.replaceChildren(...keyed.map((pair) => pair[1]));
		}
		const count = document.getElementById("coverage-count");
		const text = view.filter ? `${shown} of ${rows.length}` : `${rows.length}`;
		if (count && count.textContent !== text)
			count.textContent = text;
	};

	// ---- what differs ----

	const nameOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.dataset.key || node.id : "");

	const isAlike = (old, fresh) => old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName &&
		nameOf(old) === nameOf(fresh);

	const mergeAttributes = (old, fresh) => {
		for (const { name, value } of fresh.attributes)
			if (old.getAttribute(name) !== value)
				old.setAttribute(name, value);
		for (const { name } of [...old.attributes])
			if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS"))
				old.removeAttribute(name);
	};

	// Both hold the same at the end, but for folded pieces. Named nodes are moved, others are taken in their order.
	const merge = (old, fresh, pieces) => {
		if (old.nodeType !== Node.ELEMENT_NODE) {
			if (old.nodeValue !== fresh.nodeValue)
				old.nodeValue = fresh.nodeValue;
			return;
		}
		if (old.nodeName === "DETAILS" && !old.open && pieces.has(old.id)) {
			folded.set(old.id, pieces.get(old.id));
			return;
		}
		if (old.hasAttribute("data-keep") || (WHOLE.has(old.nodeName) && old.isEqualNode(fresh)))
			return;
		mergeAttributes(old, fresh);
		const named = new Map();
		for (const child of old.childNodes)
			if (nameOf(child))
				named.set(nameOf(child), child);
		let at = old.firstChild;
		for (const child of [...fresh.childNodes]) {
			const name = nameOf(child);
			const known = name ? named.get(name) : at && !nameOf(at) && isAlike(at, child) ? at : null;
			if (!known || !isAlike(known, child)) {
				old.insertBefore(document.importNode(child, true), at);
				continue;
			}
			named.delete(name);
			if (known === at) {
				at = at.nextSibling;
			} else {
				// Whatever stands between goes: moving the node itself would take its focus.
				while (at && at !== known && !named.has(nameOf(at))) {
					const next = at.nextSibling;
					at.remove();
					at = next;
				}
				if (at === known)
					at = at.nextSibling;
				else
					old.insertBefore(known, at);
			}
			merge(known, child, pieces);
		}
		while (at) {
			const next = at.nextSibling;
			at.remove();
			at = next;
		}
	};

	// The page in pieces: what the server cut out, by id, and the frame that is left. How long ago something was
	// changes all the time, and is reckoned here.
	const steady = (text) => text.replace(/>[^<]* ago<\/time>/g, "></time>");

	const cut = (text) => {
		const pieces = new Map();
		const frame = text.replace(/<!--cut (\S+)-->([^]*?)<!--end-->/g, (all, id, piece) => {
			pieces.set(id, steady(piece));
			return `<!--${id}-->`;
		});
		return { frame: steady(frame), pieces };
	};

	// As duration_text() has it.
	const duration = (seconds) => {
		const units = [[120, 1, "s"], [7200, 60, "min"], [172800, 3600, "h"], [Infinity, 86400, "d"]];
		const [, divisor, name] = units.find((unit) => seconds < unit[0]);
		return `${Math.trunc(Math.max(seconds, 0) / divisor)} ${name} ago`;
	};

	const reckon = () => {
		const now = Date.parse(document.getElementById("as-of")?.dateTime ?? "");
		for (const time of now ? document.querySelectorAll("time[title]") : []) {
			const text = duration(Math.trunc((now - Date.parse(time.dateTime)) / 1000));
			if (time.textContent !== text)
				time.textContent = text;
		}
	};

	const parse = (text) => new DOMParser().parseFromString(text, "text/html");

	const showAll = (text, pieces) => {
		const fresh = parse(text);
		if (fresh.documentElement.dataset.version !== root.dataset.version)
			location.reload();
		arrange(fresh);
		document.title = fresh.title;
		folded.clear();
		merge(document.body, fresh.body, pieces);
	};

	const showPiece = (old, piece) => {
		const fresh = parse(piece), element = fresh.body.firstElementChild;
		arrange(fresh);
		if (isAlike(old, element))
			merge(old, element, new Map());
		else
			old.replaceWith(document.importNode(element, true));
	};

	const show = (text) => {
		const focused = document.activeElement, now = cut(text);
		if (now.frame !== last.frame) {
			showAll(text, now.pieces);
		} else {
			for (const [id, piece] of now.pieces) {
				const old = document.getElementById(id);
				if (!old || piece === last.pieces.get(id))
					continue;
				if (old.nodeName === "DETAILS" && !old.open)
					folded.set(id, piece);
				else
					showPiece(old, piece);
			}
		}
		last = now;
		reckon();
		const headline = document.querySelector("#verdict h1").textContent;
		if (headline !== verdict)
			announce(headline);
		verdict = headline;
		if (focused && focused !== document.activeElement && focused.isConnected)
			focused.focus({ preventScroll: true });
	};

	// ---- whether there is an answer ----

	const clock = (time) => new Date(time).toLocaleTimeString([], { hour12: false });

	const say = () => {
		const live = document.getElementById("live"), trouble = document.getElementById("trouble");
		const text = failedSince ? `no answer since ${clock(answeredAt)}` : "live";
		if (live.textContent !== text)
			live.textContent = text;
		live.classList.toggle("off", Boolean(failedSince));
		root.classList.toggle("stale", Boolean(failedSince));
		trouble.hidden = !failedSince;
		const why = failedSince ? `The exporter has not answered since ${clock(answeredAt)} (${failedSince}). ` +
			"What is shown here is of that time." : "";
		if (trouble.textContent !== why)
			trouble.textContent = why;
	};

	const ask = async () => {
		clearTimeout(timer);
		const stop = new AbortController(), patience = setTimeout(() => stop.abort(), PATIENCE);
		try {
			const headers = tag ? { "If-None-Match": tag } : {};
			const answer = await fetch("/", { headers, cache: "no-store", signal: stop.signal });
			if (answer.status !== 304) {
				if (!answer.ok)
					throw new Error(`it says ${answer.status}`);
				const text = await answer.text(), begin = performance.now();
				show(text);
				tag = answer.headers.get("ETag");
				performance.measure("refresh", { start: begin, end: performance.now() });
			}
			answeredAt = Date.now();
			failedSince = null;
		} catch (error) {
			failedSince = error.message.startsWith("it says") ? error.message : "it cannot be reached";
		} finally {
			clearTimeout(patience);
		}
		say();
		if (!document.hidden)
			timer = setTimeout(ask, PERIOD);
	};

	// ---- what people do ----

	const select = (node) => {
		const range = document.createRange();
		range.selectNodeContents(node);
		getSelection().removeAllRanges();
		getSelection().addRange(range);
	};

	const copy = async (button) => {
		const node = document.getElementById(button.dataset.copy);
		let done = false;
		try {
			await navigator.clipboard.writeText(node.textContent.trimEnd());
			done = true;
		} catch { // not a secure context, or not allowed
			select(node);
			done = document.execCommand("copy");
		}
		button.textContent = done ? "Copied" : "Selected";
		announce(done ? "Copied." : "The commands are selected.");
		setTimeout(() => { button.textContent = "Copy"; }, 2000);
	};

	const sort = (column) => {
		view.descending = view.column === column && !view.descending;
		view.column = column;
		arrange(document);
		document.querySelector(`.sortable button[data-column="${column}"]`).focus();
	};

	document.addEventListener("click", (event) => {
		const button = event.target.closest("button");
		if (button?.dataset.copy)
			copy(button);
		else if (button?.dataset.column)
			sort(Number(button.dataset.column));
		// A link to a card that is folded opens it.
		const link = event.target.closest("#verdict a");
		if (link)
			document.querySelector(link.getAttribute("href"))?.querySelector("details")?.setAttribute("open", "");
	});
	document.addEventListener("input", (event) => {
		if (event.target.id !== "coverage-filter")
			return;
		view.filter = event.target.value.trim();
		arrange(document);
	});
	document.addEventListener("toggle", (event) => {
		const piece = folded.get(event.target.id);
		if (!piece || !event.target.open)
			return;
		folded.delete(event.target.id);
		showPiece(event.target, piece);
		reckon();
	}, true); // it does not bubble
	document.addEventListener("visibilitychange", () => {
		if (!document.hidden)
			ask();
	});

	root.classList.add("script");
	view.filter = document.getElementById("coverage-filter")?.value.trim() ?? "";
	arrange(document);
	say();
	timer = setTimeout(ask, PERIOD);
})();
