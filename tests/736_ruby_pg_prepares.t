# ruby-pg prepares, executes and deallocates with 20 clients over 2 servers.
use v5.36;
use Crowd;
use Test::More;

crowd_skip('no ruby-pg here') if system(q(ruby -e 'require "pg"' 2>/dev/null));
crowd('ruby-pg', [ 'ruby', '-e', <<'PROGRAM' ]);
require 'pg'
failed = []
threads = (0...ENV['CLIENTS'].to_i).map do |n|
  Thread.new do
    begin
      c = PG.connect
      c.prepare('own', "select #{n}, $1::int")
      c.prepare('shared', 'select n from numbers where n = $1')
      30.times do |i|
        raise 'own' if c.exec_prepared('own', [i]).values != [[n.to_s, i.to_s]]
        raise 'shared' if c.exec_prepared('shared', [i + 1]).values != [[(i + 1).to_s]]
        c.transaction { raise 'in' if c.exec_prepared('own', [i]).values != [[n.to_s, i.to_s]] }
        raise 'described' if c.describe_prepared('own').nfields != 2
      end
      c.exec('deallocate own')
      begin
        c.exec_prepared('own', [1])
        raise 'still there'
      rescue PG::InvalidSqlStatementName
      end
      c.close
    rescue StandardError => e
      failed << e.inspect
    end
  end
end
threads.each(&:join)
puts failed.empty? ? 'well' : failed
PROGRAM

done_testing;
