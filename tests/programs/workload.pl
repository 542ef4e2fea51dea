# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the zcmalloc authors
#
# workload.pl - prints the same lines on every run.
use strict;
use warnings;

my $seed = 12345;

sub next_number {
    $seed = ($seed * 1103515245 + 12345) % 2147483648;
    return $seed;
}

my %count;
my @words;
for my $number (1 .. 400000) {
    my $word = join '', map { chr(97 + next_number() % 26) } 1 .. 1 + next_number() % 7;
    $count{$word}++;
    push @words, $word if $number % 4 == 0;
}
my @top = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
print scalar(@top), " words, top: @top[0 .. 9]\n";

my $text = join ' ', @words;
my $vowels = () = $text =~ /[aeiou]+/g;
(my $changed = $text) =~ s/(\w)(\w+)/\u$1$2-/g;
print length($text), ' ', $vowels, ' ', length($changed), ' ', unpack('%32C*', $changed), "\n";

my %tree;
for my $word (@words) {
    my $node = \%tree;
    $node = $node->{$_} //= {} for split //, substr $word, 0, 3;
    push @{ $node->{list} }, $word;
}
my ($nodes, $leaves) = (0, 0);
my @left = \%tree;
while (my $node = pop @left) {
    $nodes++;
    for my $key (keys %$node) {
        if ($key eq 'list') { $leaves += @{ $node->{list} } }
        else { push @left, $node->{$key} }
    }
}
print "$nodes nodes, $leaves leaves\n";

delete $count{$_} for grep { $count{$_} == 1 } keys %count;
my $grown = '';
$grown .= chr(32 + $_ % 90) x ($_ % 11) for 1 .. 200000;
print scalar(keys %count), ' ', length($grown), ' ', unpack('%32C*', $grown), "\n";
