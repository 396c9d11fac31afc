// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/handshake_script.h"

#include <stdio.h>

static void run_script(const struct script *script, uint8_t family)
{
	struct handshakes *handshakes = script_table();
	struct handshake_report report;
	script_feed(handshakes, script->packets, family);
	handshakes_finish(handshakes);
	assert_int_equal(handshakes_report(handshakes, &report), 0);
	script_check(script, &report);
	assert_int_equal(report.tracked, 0);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static const struct script scripts[] = {
	{ "completed",
		"0 1 in c1000>s80 S 100\n"
		"0.1 1 out s80>c1000 SA 500 101\n"
		"0.2 1 in c1000>s80 A 101 501\n",
		"completed=1 1>1.completed=1 1in.syn=1 1out.synack=1 1in.ack=1" },
	{ "completed by data",
		"0 1 in c1000>s80 S 100\n"
		"0.1 1 out s80>c1000 SA 500 101\n"
		"0.2 1 in c1000>s80 PA 101 501 20\n",
		"completed=1" },
	{ "completed by a later ACK, the first one missed",
		"0 1 in c1000>s80 S 100\n"
		"0.1 1 out s80>c1000 SA 500 101\n"
		"0.4 1 in c1000>s80 A 5000 9000\n",
		"completed=1 1in.ack=1" },
	{ "a segment without ACK completes nothing, whatever it has in that field",
		"0 1 in c1000>s80 S 100\n"
		"0.1 1 out s80>c1000 SA 500 101\n"
		"0.2 1 in c1000>s80 F 101 501\n"
		"0.3 1 in c1000>s80 P 101 501\n",
		"abandoned=1 1in.ack=0" },
	{ "an ACK that comes before its SYN-ACK, whose number is large",
		"0 1 in c1000>s80 S 100\n"
		"0.1 1 in c1000>s80 A 101 3000000001\n"
		"0.2 1 out s80>c1000 SA 3000000000 101\n",
		"completed=1" },
	{ "an ACK of an older connection before the SYN-ACK",
		"0 1 in c1000>s80 S 100\n"
		"0.1 1 in c1000>s80 A 5000 501\n"
		"0.2 1 out s80>c1000 SA 500 101\n"
		"1 1 in c1000>s80 S 100\n",
		"one_way=1" },
	{ "a bulk transfer's ACKs are no handshake's",
		"0 1 in c1000>s80 S 100\n"
		"0.1 1 out s80>c1000 SA 500 101\n"
		"0.2 1 in c1000>s80 A 101 501\n"
		"0.3 1 in c1000>s80 A 101 2000\n"
		"0.4 1 in c1000>s80 A 101 4000\n",
		"completed=1 1in.ack=1" },
	{ "refused",
		"0 1 in c1000>s80 S 100\n"
		"0.1 1 out s80>c1000 RA 0 101\n",
		"refused=1 1>0.refused=1 1out.rst=1" },
	{ "refused by an RST that does not acknowledge the SYN",
		"0 1 in c1000>s80 S 100\n"
		"0.1 1 out s80>c1000 RA 0 100\n"
		"0.3 1 out s80>c1000 SA 500 101\n"
		"0.4 1 in c1000>s80 A 101 501\n",
		"refused=1" },
	{ "refused by an RST without ACK",
		"0 1 in c1000>s80 S 100\n"
		"0.1 1 out s80>c1000 R 0\n",
		"refused=1" },
	{ "the client's own RST does not refuse",
		"0 1 in c1000>s80 S 100\n"
		"0.1 1 in c1000>s80 R 100\n",
		"unanswered=1 1in.rst=1" },
	{ "one_way",
		"0 1 in c1000>s80 S 100\n"
		"0.001 2 out s80>c1000 SA 500 101\n"
		"1 1 in c1000>s80 S 100\n"
		"1.001 2 out s80>c1000 SA 500 101\n"
		"3 1 in c1000>s80 S 100\n",
		"one_way=1 1>2.one_way=1 1in.syn=1 1in.syn_repeat=2 2out.synack=1 2out.synack_repeat=1" },
	{ "one_way is one, however long it goes on",
		"0 1 in c1000>s80 S 100\n0.001 1 out s80>c1000 SA 500 101\n"
		"1 1 in c1000>s80 S 100\n3 1 in c1000>s80 S 100\n7 1 in c1000>s80 S 100\n"
		"15 1 in c1000>s80 S 100\n31 1 in c1000>s80 S 100\n63 1 in c1000>s80 S 100\n",
		"one_way=1 1in.syn_repeat=6" },
	{ "unanswered is one, however long it goes on",
		"0 1 in c1000>s80 S 100\n1 1 in c1000>s80 S 100\n3 1 in c1000>s80 S 100\n"
		"7 1 in c1000>s80 S 100\n15 1 in c1000>s80 S 100\n31 1 in c1000>s80 S 100\n"
		"63 1 in c1000>s80 S 100\n",
		"unanswered=1 1in.syn_repeat=6" },
	{ "a SYN repeated before the SYN-ACK is no sign",
		"0 1 in c1000>s80 S 100\n"
		"1 1 in c1000>s80 S 100\n"
		"1.5 1 out s80>c1000 SA 500 101\n",
		"abandoned=1 1in.syn_repeat=1" },
	{ "a SYN repeated before the SYN-ACK and read after it",
		"0 1 in c1000>s80 S 100\n"
		"1.5 2 out s80>c1000 SA 500 101\n"
		"1 1 in c1000>s80 S 100\n",
		"abandoned=1 1in.syn_repeat=1" },
	{ "a SYN repeated just when its SYN-ACK leaves is no sign",
		"0 1 in c1000>s80 S 100\n"
		"1 1 out s80>c1000 SA 500 101\n"
		"1 1 in c1000>s80 S 100\n",
		"abandoned=1 1in.syn_repeat=1" },
	{ "what follows within 20 ms is a copy",
		"0 1 in c1000>s80 S 100\n0.019 1 in c1000>s80 S 100\n0.038 1 in c1000>s80 S 100\n",
		"unanswered=1 1in.syn=1 1in.syn_repeat=0" },
	{ "what follows after 20 ms is none", "0 1 in c1000>s80 S 100\n0.02 1 in c1000>s80 S 100\n",
		"unanswered=1 1in.syn_repeat=1" },
	{ "one that goes on is the same for 130 seconds",
		"0 1 in c1000>s80 S 100\n35 1 in c1000>s80 S 100\n70 1 in c1000>s80 S 100\n"
		"105 1 in c1000>s80 S 100\n129 1 in c1000>s80 S 100\n168.9 1 in c1000>s80 S 100\n",
		"unanswered=1 1in.syn_repeat=5" },
	{ "one that goes on for longer is a new one",
		"0 1 in c1000>s80 S 100\n35 1 in c1000>s80 S 100\n70 1 in c1000>s80 S 100\n"
		"105 1 in c1000>s80 S 100\n129 1 in c1000>s80 S 100\n130 1 in c1000>s80 S 100\n"
		"169 1 in c1000>s80 S 100\n",
		"unanswered=2 1in.syn=2 1in.syn_repeat=5" },
	{ "a SYN-ACK later than one repetition still completes",
		"0 1 out c1000>s80 S 100\n"
		"1 1 out c1000>s80 S 100\n"
		"1.2 1 in s80>c1000 SA 500 101\n"
		"1.3 1 out c1000>s80 A 101 501\n",
		"completed=1" },
	{ "abandoned",
		"0 1 in c1000>s80 S 100\n"
		"0.1 1 out s80>c1000 SA 500 101\n"
		"1.1 1 out s80>c1000 SA 500 101\n"
		"3.1 1 out s80>c1000 SA 500 101\n"
		"wait 60\n",
		"abandoned=1 1out.synack_repeat=2" },
	{ "abandoned by a half-open scan's RST",
		"0 1 in c1000>s80 S 100\n"
		"0.1 1 out s80>c1000 SA 500 101\n"
		"0.2 1 in c1000>s80 R 101\n",
		"abandoned=1 1in.rst=1" },
	{ "an RST that acknowledges the SYN-ACK completes",
		"0 1 in c1000>s80 S 100\n"
		"0.1 1 out s80>c1000 SA 500 101\n"
		"0.2 1 in c1000>s80 RA 101 501\n",
		"completed=1" },
	{ "an RST of the server after its SYN-ACK decides nothing",
		"0 1 in c1000>s80 S 100\n"
		"0.1 1 out s80>c1000 SA 500 101\n"
		"0.2 1 out s80>c1000 R 501\n",
		"abandoned=1" },
	{ "an RST of the server after its SYN-ACK that acknowledges the SYN",
		"0 1 in c1000>s80 S 100\n"
		"0.1 1 out s80>c1000 SA 500 101\n"
		"0.2 1 out s80>c1000 RA 501 101\n",
		"abandoned=1 1out.rst=1" },
	{ "an RST with data after the handshake",
		"0 1 in c1000>s80 S 1\n"
		"0.1 1 out s80>c1000 SA 1000 2\n"
		"0.2 1 in c1000>s80 A 2 1001\n"
		"0.3 1 in c1000>s80 RA 2 1018 13\n",
		"completed=1" },
	{ "unanswered",
		"0 1 in c1000>s80 S 100\n"
		"1 1 in c1000>s80 S 100\n",
		"unanswered=1 1>0.unanswered=1" },
	{ "an ACK without any SYN-ACK is no completion",
		"0 1 in c1000>s80 S 100\n"
		"0.1 1 in c1000>s80 A 101 501\n"
		"0.2 1 in c1000>s80 PA 101 501 20\n",
		"unanswered=1" },
	{ "return_only",
		"0 1 in s80>c1000 SA 500 101\n"
		"0.001 2 out s80>c1000 SA 500 101\n",
		"return_only=1 0>2.return_only=1 1in.synack=1 2out.synack=1" },
	{ "return_only even if acknowledged",
		"0 1 in s80>c1000 SA 500 101\n"
		"0.1 1 out c1000>s80 A 101 501\n",
		"return_only=1" },
	{ "the SYN read after its SYN-ACK",
		"0.001 2 out s80>c1000 SA 500 101\n"
		"0 1 in c1000>s80 S 100\n"
		"0.2 1 in c1000>s80 A 101 501\n",
		"completed=1 1>2.completed=1" },
	{ "the SYN-ACK that was acknowledged is the last one",
		"0 1 in c1000>s80 S 100\n"
		"0.001 2 out s80>c1000 SA 500 101\n"
		"1 1 in c1000>s80 S 100\n"
		"1.001 3 out s80>c1000 SA 500 101\n"
		"1.002 1 out s80>c1000 SA 500 101\n"
		"1.1 1 in c1000>s80 A 101 501\n",
		"completed=1 1>3.completed=1" },
	{ "one SYN after the SYN-ACK repeats nothing",
		"0 2 out s80>c1000 SA 500 101\n"
		"0.5 1 in c1000>s80 S 100\n",
		"abandoned=1 1in.syn=1 1in.syn_repeat=0" },
	{ "the ACK read before its SYN-ACK",
		"0 1 in c1000>s80 S 100\n"
		"0.2 1 in c1000>s80 A 101 501\n"
		"0.1 2 out s80>c1000 SA 500 101\n",
		"completed=1 1>2.completed=1 1in.ack=1" },
	{ "SYN and ACK both read after the SYN-ACK",
		"0.001 2 out s80>c1000 SA 500 101\n"
		"0.2 1 in c1000>s80 A 101 501\n"
		"0 1 in c1000>s80 S 100\n",
		"completed=1" },
	{ "a new number is a new handshake",
		"0 1 in c1000>s80 S 100\n"
		"0.5 1 in c1000>s80 S 900\n"
		"0.6 1 out s80>c1000 SA 500 901\n"
		"0.7 1 in c1000>s80 A 901 501\n",
		"completed=1 unanswered=1 1in.syn=2 1in.syn_repeat=0" },
	{ "a port used again",
		"0 1 in c1000>s80 S 100\n0.1 1 out s80>c1000 SA 500 101\n0.2 1 in c1000>s80 A 101 501\n"
		"2 1 in c1000>s80 S 70000\n2.1 1 out s80>c1000 SA 9500 70001\n2.2 1 in c1000>s80 A 70001 "
		"9501\n",
		"completed=2" },
	{ "many numbers on one flow, the SYN-ACK of an old one",
		"0 1 in c1000>s80 S 100\n0.1 1 in c1000>s80 S 200\n0.2 1 in c1000>s80 S 300\n"
		"0.3 1 in c1000>s80 S 400\n0.4 1 in c1000>s80 S 500\n0.5 1 in c1000>s80 S 600\n"
		"0.6 1 in c1000>s80 S 700\n0.7 1 in c1000>s80 S 800\n0.8 1 in c1000>s80 S 900\n"
		"0.9 1 in c1000>s80 S 1000\n1 1 out s80>c1000 SA 7 101\n1.1 1 in c1000>s80 A 101 8\n",
		"completed=1 unanswered=9" },
	{ "numbers wrap",
		"0 1 in c1000>s80 S 4294967295\n"
		"0.1 1 out s80>c1000 SA 4294967295 0\n"
		"0.2 1 in c1000>s80 A 0 0\n",
		"completed=1" },
	{ "a SYN-ACK to number 4294967295", "0 1 in s80>c1000 SA 0 0\n", "return_only=1" },
	{ "the same packet captured twice",
		"0 1 in c1000>s80 S 100\n"
		"0.0001 1 in c1000>s80 S 100\n"
		"0.1 1 out s80>c1000 SA 500 101\n"
		"0.1001 1 out s80>c1000 SA 500 101\n",
		"abandoned=1 1in.syn=1 1in.syn_repeat=0 1out.synack=1 1out.synack_repeat=0" },
	{ "the same packet seen at other devices",
		"0 1 in c1000>s80 S 100\n"
		"0.1 2 out c1000>s80 S 100\n"
		"0.2 2 in s80>c1000 SA 500 101\n"
		"0.3 1 out s80>c1000 SA 500 101\n"
		"0.4 1 in c1000>s80 A 101 501\n"
		"0.5 2 out c1000>s80 A 101 501\n",
		"completed=1 1>1.completed=1 1in.syn=1 2out.syn=1 2in.synack=1 1out.synack=1 1in.ack=1 "
		"2out.ack=1 "
		"1in.syn_repeat=0" },
	{ "forwarded, and the reply leaves by a third device",
		"0 1 in c1000>s80 S 100\n"
		"0.001 2 out c1000>s80 S 100\n"
		"0.002 2 in s80>c1000 SA 500 101\n"
		"0.003 3 out s80>c1000 SA 500 101\n"
		"1 1 in c1000>s80 S 100\n"
		"1.001 2 out c1000>s80 S 100\n",
		"one_way=1 1>3.one_way=1" },
	{ "forwarded, and the reply comes in but does not leave",
		"0 1 in c1000>s80 S 100\n"
		"0.001 2 out c1000>s80 S 100\n"
		"0.002 2 in s80>c1000 SA 500 101\n"
		"1 1 in c1000>s80 S 100\n",
		"one_way=1 1>0.one_way=1" },
	{ "this host is the client",
		"0 2 out c1000>s80 S 100\n"
		"0.1 3 in s80>c1000 SA 500 101\n"
		"1 2 out c1000>s80 S 100\n",
		"one_way=1 2>3.one_way=1" },
	{ "VLAN on a device: the lower one sees the packet too",
		"0 1 in c1000>s80 S 100\n"
		"0 10 in c1000>s80 S 100\n"
		"0.1 20 out s80>c1000 SA 500 101\n"
		"0.1 1 out s80>c1000 SA 500 101\n",
		"abandoned=1 10>20.abandoned=1" },
	{ "more views than are kept",
		"0 1 in c1000>s80 S 100\n0 2 in c1000>s80 S 100\n0 3 in c1000>s80 S 100\n0 4 in c1000>s80 S "
		"100\n"
		"0 5 in c1000>s80 S 100\n0 6 in c1000>s80 S 100\n0 7 in c1000>s80 S 100\n"
		"1 7 in c1000>s80 S 100\n0.1 1 out s80>c1000 SA 500 101\n",
		"abandoned=1 7in.syn=0" },
	{ "SYN with data, answered without",
		"0 1 in c1000>s80 S 100 0 50\n"
		"0.1 1 out s80>c1000 SA 500 101\n"
		"0.2 1 in c1000>s80 A 101 501 50\n",
		"completed=1" },
	{ "TCP Fast Open",
		"0 1 in c1000>s80 S 100 0 50\n"
		"0.1 1 out s80>c1000 SA 500 151\n"
		"0.2 1 in c1000>s80 A 151 501\n",
		"completed=1" },
	{ "TCP Fast Open, a part of the data taken, and lost on the way back",
		"0 1 in c1000>s80 S 100 0 50\n"
		"0.1 1 out s80>c1000 SA 500 120\n"
		"1 1 in c1000>s80 S 100\n",
		"one_way=1" },
	{ "a SYN-ACK that acknowledges more than the SYN had",
		"0 1 in c1000>s80 S 100 0 50\n"
		"0.1 1 out s80>c1000 SA 500 152\n",
		"unanswered=1 return_only=1" },
	{ "simultaneous open",
		"0 1 in c1000>s80 S 100\n"
		"0.01 1 out s80>c1000 S 500\n"
		"0.1 1 in c1000>s80 SA 100 501\n"
		"0.11 1 out s80>c1000 SA 500 101\n",
		"completed=2" },
	{ "split handshake in five steps",
		"0 0 ? c1000>s80 S 1000\n"
		"0.1 0 ? s80>c1000 A 0 1001\n"
		"0.2 0 ? s80>c1000 S 3000\n"
		"0.3 0 ? c1000>s80 SA 1000 3001\n"
		"0.4 0 ? s80>c1000 A 3001 1001\n"
		"0.5 0 ? c1000>s80 A 1001 3001 4\n",
		"completed=1 unanswered=1" },
	{ "a challenge ACK answers the SYN: an older connection is alive",
		"0 1 in c1000>s80 S 100\n"
		"0.1 1 out s80>c1000 A 77000 42000\n"
		"0.2 1 in c1000>s80 R 42000\n"
		"1 1 in c1000>s80 S 100\n"
		"1.1 1 out s80>c1000 SA 500 101\n"
		"1.2 1 in c1000>s80 A 101 501\n",
		"completed=1" },
	{ "stray ACKs of another connection on the same ports",
		"0 1 in c1000>s80 S 100\n"
		"0.1 1 out s80>c1000 SA 500 101\n"
		"0.2 1 in c1000>s80 A 3000000000 501\n"
		"0.3 1 in c1000>s80 A 101 4000000000\n",
		"abandoned=1 1in.ack=0" },
	{ "ACKs and RSTs of nothing",
		"0 1 in c1000>s80 A 101 501\n"
		"0 1 in c1000>s80 RA 101 501\n"
		"0 1 in c1000>s80 R 101\n"
		"0 1 in c1000>s80 FA 101 501\n",
		"1in.ack=0 1in.rst=0" },
	{ "a SYN with FIN and URG repeats like any other",
		"0 0 ? c1000>s80 S 0\n"
		"0.012 0 ? s80>c1000 SA 500 1\n"
		"0.0121 0 ? c1000>s80 R 1\n"
		"0.037 0 ? c1000>s80 FSU 0\n",
		"one_way=1" },
	{ "SYN-ACKs repeated after the ACK (deferred accept)",
		"0 1 in c1000>s80 S 100\n0.1 1 out s80>c1000 SA 500 101\n0.2 1 in c1000>s80 A 101 501\n"
		"1.1 1 out s80>c1000 SA 500 101\n3.1 1 out s80>c1000 SA 500 101\n7.1 1 out s80>c1000 SA 500 "
		"101\n"
		"15.1 1 out s80>c1000 SA 500 101\n",
		"completed=1 1out.synack_repeat=4" },
	{ "counted after ten seconds without movement, repetitions or not",
		"0 1 in c1000>s80 S 100\n2 1 in c1000>s80 S 100\n4 1 in c1000>s80 S 100\n6 1 in c1000>s80 S "
		"100\n"
		"8 1 in c1000>s80 S 100\nwait 10.1\n10.5 1 out s80>c1000 SA 500 101\n"
		"10.6 1 in c1000>s80 A 101 501\n",
		"unanswered=1" },
};

static void scripts_end_as_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		run_script(&scripts[i], AF_INET);
		run_script(&scripts[i], AF_INET6);
	}
}
/* Of the handshakes between the same ports, the latest eight are looked at where the number finds none. */
static void the_latest_few_of_a_flow_are_looked_at(void **state)
{
	(void)state;
	static const struct {
		const char *first;
		bool answered; /* the others */
		const char *last, *before_seven, *before_eight;
	} rows[] = {
		{ "0 1 in c1000>s80 S 100", true, "2 1 out s80>c1000 R 0", "refused=1 abandoned=7",
			"unanswered=1 abandoned=8" },
		{ "0 1 in c1000>s80 S 100 0 20", true, "2 1 out s80>c1000 SA 9 111", "abandoned=8",
			"unanswered=1 abandoned=8 return_only=1" },
		{ "0 1 in c1000>s80 S 100\n0.1 1 out s80>c1000 SA 500 101", false,
			"2 1 in c1000>s80 A 101 501", "completed=1 unanswered=7",
			"abandoned=1 unanswered=8" },
		{ "0 1 in c1000>s80 S 100", true, "2 1 in c1000>s80 R 101",
			"unanswered=1 abandoned=7 1in.rst=1", "unanswered=1 abandoned=8 1in.rst=0" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (unsigned others = 7; others <= 8; others++) {
			struct handshakes *handshakes = script_table();
			char text[80];
			script_feed(handshakes, rows[i].first, AF_INET);
			for (unsigned j = 1; j <= others; j++) {
				snprintf(text, sizeof(text), "1 1 in c1000>s80 S %u", 1000 * j);
				script_feed(handshakes, text, AF_INET);
				snprintf(text, sizeof(text), "1 1 out s80>c1000 SA 7 %u", 1000 * j + 1);
				if (rows[i].answered)
					script_feed(handshakes, text, AF_INET);
			}
			script_feed(handshakes, rows[i].last, AF_INET);
			struct handshake_report report = script_report_after(handshakes, "wait 30");
			const struct script script = { rows[i].last, NULL,
				others == 7 ? rows[i].before_seven : rows[i].before_eight };
			script_check(&script, &report);
			handshake_report_clear(&report);
			handshakes_free(handshakes);
		}
}

static void outcomes_wait_for_their_time(void **state)
{
	(void)state;
	static const struct {
		const char *packets;
		const char *wait;
		uint64_t counted, tracked;
	} steps[] = {
		{ "0 1 in c1000>s80 S 100\n", "wait 9.9", 0, 1 },
		{ "0 1 in c1000>s80 S 100\n", "wait 10", 1, 0 },
		{ "0 1 in c1000>s80 S 100\n5 1 out s80>c1000 SA 500 101\n", "wait 14.9", 0, 1 },
		{ "0 1 in c1000>s80 S 100\n5 1 out s80>c1000 SA 500 101\n", "wait 15.1", 1, 0 },
		{ ONE_WAY, "wait 10.9", 0, 1 },
		{ ONE_WAY, "wait 11.1", 1, 0 },
		{ "0 1 in c1000>s80 S 100\n0.1 1 out s80>c1000 RA 0 101\n", "wait 0.5", 0, 1 },
		{ "0.1 1 out s80>c1000 SA 500 101\n0.2 1 in c1000>s80 A 101 501\n0.3 1 in c1000>s80 S 100\n",
			"wait 0.7", 0, 1 },
		{ "0.1 1 out s80>c1000 SA 500 101\n0.2 1 in c1000>s80 A 101 501\n0.3 1 in c1000>s80 S 100\n",
			"wait 0.8", 1, 0 },
		{ "0 1 in c1000>s80 S 100\n0.1 1 out s80>c1000 RA 0 101\n", "wait 0.6", 1, 0 },
	};
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		struct handshakes *handshakes = script_table();
		script_feed(handshakes, steps[i].packets, AF_INET);
		struct handshake_report report = script_report_after(handshakes, steps[i].wait);
		uint64_t counted = 0;
		for (int outcome = 0; outcome < HANDSHAKE_OUTCOMES; outcome++)
			counted += report.outcomes[outcome];
		assert_int_equal(counted, steps[i].counted);
		assert_int_equal(report.tracked, steps[i].tracked);
		handshake_report_clear(&report);
		handshakes_free(handshakes);
	}
}

static void wild_times_do_no_harm(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	static const int64_t times[] = { INT64_MIN, -1, 0, INT64_MAX, SCRIPT_START_NS, 1, INT64_MAX / 2,
		INT64_MIN };
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		const struct packet packet = { .kind = PACKET_TCP,
			.source = script_host('a', AF_INET),
			.destination = script_host('b', AF_INET),
			.flags = TCP_SYN,
			.sequence = (uint32_t)i % 3 };
		const struct sighting sighting = { .device = 1, .time_ns = times[i] };
		handshakes_feed(handshakes, &packet, &sighting);
	}
	handshakes_finish(handshakes);
	handshakes_free(handshakes);
	handshakes_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scripts_end_as_written),
		cmocka_unit_test(the_latest_few_of_a_flow_are_looked_at),
		cmocka_unit_test(outcomes_wait_for_their_time),
		cmocka_unit_test(wild_times_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
